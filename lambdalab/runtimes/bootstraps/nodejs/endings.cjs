'use strict';
/**
 * How a process ends that cannot go on: its error is logged, told to the Runtime API, and then it exits.
 *
 * The same module knows which invocation runs, for an error outside of its handler is that invocation's; and
 * what happens when the function has left the event loop nothing to do.
 */

const { toDocument, unhandledRejection } = require('./errors.cjs');
const { logError } = require('./logging.cjs');
const release = require('./release.cjs');

const UNCAUGHT = 129;
const UNHANDLED = 128;
const UNSETTLED = 13; // Node's own, for a top-level await that never settles

let api;
let loading = true;
let phase = 'init'; // until the first invocation; then its id while it is not answered, and '' in between
let ending = false;
let whenEmpty = null;

/** Look out for errors that nobody handles. */
function watch(runtimeApi) {
  api = runtimeApi;
  process.on('uncaughtException', (error) => crashed('Uncaught Exception', error, UNCAUGHT));
  process.on('unhandledRejection', (reason, promise) =>
    crashed('Unhandled Promise Rejection', unhandledRejection(reason, promise), UNHANDLED),
  );
  process.on('beforeExit', () => {
    if (loading) {
      process.exit(UNSETTLED);
    }
    const action = whenEmpty;
    whenEmpty = null;
    if (action && !ending) {
      action();
    }
  });
}

/** The function is loaded. */
function loaded() {
  loading = false;
}

/** An invocation begins; with '' it is answered. */
function invoking(id) {
  phase = id;
}

/** What to do when the event loop is empty, the last word counts; null: nothing, and the process ends. */
function onEmptyLoop(action) {
  whenEmpty = action;
}

/** The function could not be loaded. Never returns. */
function initFailed(error) {
  return crashed(release.asyncOnly ? 'Init Error' : 'Uncaught Exception', error, release.asyncOnly ? 1 : UNCAUGHT);
}

/** `what` is the log's word for it. The promise never settles: the process exits when the region has heard of it. */
async function crashed(what, error, status) {
  if (ending) {
    return new Promise(() => {});
  }
  ending = true;
  logError(what, error);
  api.withdrawPolls();
  // While a poll is out the region's next answer is an event: this environment is over, and no invocation fails.
  if (!api.polling) {
    tell(toDocument(error));
    api.silence();
    await api.heard();
  }
  process.exit(status);
}

/** What is told when the invocation is answered already: nothing, it stays answered. */
function tell(document) {
  if (phase === 'init') {
    api.failInit(document);
  } else if (api.inParts) {
    api.endParts(document);
  } else if (phase !== '') {
    api.fail(phase, document);
  }
}

module.exports = { crashed, initFailed, invoking, loaded, onEmptyLoop, watch };
