'use strict';
/** Finding the function: from the handler's string to the JavaScript function that it names, by AWS's rules. */

const fs = require('fs');
const { createRequire } = require('module');
const path = require('path');
const { pathToFileURL } = require('url');
const { failure } = require('./errors.cjs');
const release = require('./release.cjs');

// "Require stack" of a module that is not found ends at the file that asked: AWS's own, wherever ours lies.
const require_ = createRequire('/var/runtime/index.mjs');
const COMMON = ['', '.cjs', '.cts'];
const FIXED = release.asyncOnly ? ['.mjs', '.cjs', '.ts', '.mts', '.cts'] : ['.mjs', '.cjs'];
const BY_PACKAGE = ['.js', '.ts'];

/** The handler; `root` is the task's directory. Throws errors of the runtime's own, or what the module throws. */
async function loadHandler(root, name) {
  if (name.includes('..')) {
    throw failure(
      'MalformedHandlerName',
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const file = path.basename(name);
  const match = /^([^.]*)\.(.*)$/.exec(file);
  if (!match) {
    throw failure('MalformedHandlerName', 'Bad handler');
  }
  const folder = name.slice(0, name.indexOf(file));
  const module = await loadModule(root, folder, match[1]);
  return named(module, match[2], name);
}

function named(module, member, name) {
  let found = within(module, member);
  if (!found && release.asyncOnly) {
    found = within(module.default, member);
  }
  if (!found) {
    throw failure('HandlerNotFound', `${name} is undefined or not exported`);
  }
  if (typeof found !== 'function') {
    throw failure('HandlerNotFound', `${name} is not a function`);
  }
  return found;
}

function within(module, member) {
  return member.split('.').reduce((inner, key) => inner && inner[key], module);
}

async function loadModule(root, folder, module) {
  try {
    return await firstOf(path.resolve(root, folder, module), [root, path.resolve(root, folder)], module);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw syntaxError(error);
    }
    throw error && error.code === 'MODULE_NOT_FOUND' ? failure('ImportModuleError', String(error)) : error;
  }
}

/** From 24 on the trace is the syntax error's own, which shows the line. */
function syntaxError(error) {
  const made = failure('UserCodeSyntaxError', String(error));
  if (release.asyncOnly) {
    made.stack = error.stack;
  }
  return made;
}

/** The first file of AWS's order that is there; else the folder of that name; else what Node finds by the name. */
async function firstOf(stem, places, name) {
  for (const extension of ['', '.js', ...FIXED]) {
    const file = stem + extension;
    if (fs.existsSync(file) && !(extension === '' && fs.statSync(file).isDirectory())) {
      return isCommon(file, extension) ? require_(file) : imported(file);
    }
  }
  return require_(fs.existsSync(stem) ? stem : require_.resolve(name, { paths: places }));
}

function isCommon(file, extension) {
  return COMMON.includes(extension) || (BY_PACKAGE.includes(extension) && !inModulePackage(path.dirname(file)));
}

async function imported(file) {
  require('./node_path.cjs').apply();
  return import(pathToFileURL(file).href);
}

/** Whether the nearest package.json says `"type": "module"`. */
function inModulePackage(folder) {
  if (path.basename(folder) === 'node_modules') {
    return false;
  }
  const description = path.join(folder, 'package.json');
  if (fs.existsSync(description)) {
    try {
      return JSON.parse(fs.readFileSync(description, 'utf8')).type === 'module';
    } catch (error) {
      console.warn(`${description} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  return folder !== '/' && inModulePackage(path.dirname(folder));
}

module.exports = { loadHandler };
