'use strict';
/**
 * The Node.js runtime's entry point, at /var/runtime.
 *
 *     node index.cjs          (the handler is named by $_HANDLER)
 *
 * Written from the behaviour of AWS's runtime, for every release from 16 on. AWS's own entry is an ES module;
 * this one is not, because functions in CommonJS then start up to 10 ms sooner. What a function could see of
 * the difference is undone: it has no main module, and stacks name /var/runtime/index.mjs.
 */

const { load, run } = require('./start.cjs');

process.mainModule = undefined;
load().then(run);
