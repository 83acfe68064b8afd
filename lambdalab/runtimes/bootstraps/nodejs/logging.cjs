'use strict';
/**
 * `console` as AWS's runtime patches it: a line for each call, in the text or the JSON format, with its level.
 *
 * A message of several lines is one event of the log: its line ends are written as \r, as AWS's runtime does
 * where its log is a pipe.
 */

const fs = require('fs');
const { format } = require('util');
const { intoError, toLogged } = require('./errors.cjs');
const release = require('./release.cjs');

const PRIORITY = { TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, FATAL: 6 };
const METHODS = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' };
const STDOUT = 1;
const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId');

let json = false;
let invocations;

/** Patch `console`. Called before anything of the function's is loaded. */
function patchConsole() {
  json = (process.env.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON';
  const least = PRIORITY[(process.env.AWS_LAMBDA_LOG_LEVEL || '').toUpperCase()] || PRIORITY.TRACE;
  const line = json ? jsonLine : textLine;
  for (const [method, level] of Object.entries(METHODS)) {
    const shown = level === 'FATAL' || PRIORITY[level] >= least;
    console[method] = shown ? (first, ...rest) => write(line(level, [first, ...rest])) : () => {};
  }
  console.log = console.info;
  if (release.asyncOnly) {
    const { AsyncLocalStorage } = require('async_hooks');
    invocations = new AsyncLocalStorage();
  }
}

/** Say which invocation the log is about from here on, and call `work`. From 24 on that follows the calls. */
function during(requestId, work) {
  if (invocations) {
    return invocations.run(requestId, work);
  }
  globalThis[REQUEST_ID] = requestId;
  return work();
}

function requestId() {
  return invocations ? invocations.getStore() || '-' : globalThis[REQUEST_ID];
}

function textLine(level, values) {
  return `${new Date().toISOString()}\t${requestId()}\t${level}\t${format(...values)}`;
}

function jsonLine(level, values) {
  const entry = { timestamp: new Date().toISOString(), level, requestId: requestId() };
  if (values.length === 1) {
    try {
      return JSON.stringify({ ...entry, message: values[0] }, errorsReadable);
    } catch {
      return JSON.stringify({ ...entry, message: format(values[0]) });
    }
  }
  entry.message = format(...values);
  const error = values.find((value) => value instanceof Error);
  return JSON.stringify(error ? { ...entry, ...described(error) } : entry);
}

function errorsReadable(_, value) {
  return value instanceof Error ? { ...described(value), ...value } : value;
}

function described(error) {
  const type = error.constructor && error.constructor.name;
  const stack = typeof error.stack === 'string' ? error.stack.split('\n') : [];
  return { errorType: type || 'UnknownError', errorMessage: error.message, stackTrace: stack };
}

/** An error that ends an invocation, or the process: `what` happened, in the format of the log. */
function logError(what, error) {
  if (json) {
    console.error(intoError(error));
  } else {
    console.error(what, toLogged(intoError(error)));
  }
}

/** To the pipe at once, however full it is: what a function logs before it ends the process is in the log. */
function write(line) {
  let bytes = Buffer.from(`${line.includes('\n') ? line.replace(/\n/g, '\r') : line}\n`);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(STDOUT, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') {
        return; // nobody reads the log any more
      }
      // The function used process.stdout, which makes the pipe non-blocking for us too.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

module.exports = { during, logError, patchConsole };
