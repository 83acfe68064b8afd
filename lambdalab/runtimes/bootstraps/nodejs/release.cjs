'use strict';
/** What differs between releases of AWS's runtime: 24 is a new one, which knows promises only. */

const major = parseInt(process.versions.node, 10);

module.exports = {
  major,
  /** No callbacks, no waiting for an empty event loop, no `context.done`; TypeScript files are loaded. */
  asyncOnly: major >= 24,
};
