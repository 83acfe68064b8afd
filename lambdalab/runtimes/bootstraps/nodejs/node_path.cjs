'use strict';
/**
 * ES modules that find packages in NODE_PATH, layers above all. Node itself does not look there for `import`;
 * the Node that AWS ships does, since 18.
 */

const fs = require('fs');
const module_ = require('module');
const path = require('path');
const { pathToFileURL } = require('url');

/** Folders of NODE_PATH that hold anything, but for the function's own, where Node looks by itself. */
function folders() {
  const all = (process.env.NODE_PATH || '').split(path.delimiter).filter(Boolean);
  return all.filter((folder) => path.basename(folder) === 'node_modules' && fs.existsSync(folder));
}

/** Make `import` look there too. Costs nothing where there is nothing to find. */
function apply() {
  const places = folders();
  if (places.length === 0) {
    return;
  }
  if (module_.registerHooks) {
    module_.registerHooks({ resolve: (name, context, next) => search(places, name, context, next) });
  } else if (module_.register) {
    // Before 22.15 hooks are another module, in a thread of its own: some 20 ms, only with layers.
    module_.register(pathToFileURL(path.join(__dirname, 'node_path_hooks.mjs')).href, { data: places });
  }
}

/** Node's own answer, else that for the same name asked for from each of the places. */
function search(places, name, context, next) {
  try {
    return next(name, context);
  } catch (error) {
    if (!isMissing(error, name)) {
      throw error;
    }
    for (const place of places) {
      try {
        return next(name, { ...context, parentURL: asker(place) });
      } catch (other) {
        if (!isMissing(other, name)) {
          throw other;
        }
      }
    }
    throw error;
  }
}

function isMissing(error, name) {
  return Boolean(error) && error.code === 'ERR_MODULE_NOT_FOUND' && !/^(\.|\/|[a-z]+:)/.test(name);
}

/** A module that would find packages in this folder. */
function asker(place) {
  return pathToFileURL(path.join(path.dirname(place), 'any.mjs')).href;
}

module.exports = { apply, asker, isMissing };
