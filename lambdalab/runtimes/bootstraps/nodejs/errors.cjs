'use strict';
/** Errors as AWS's Node.js runtime names, reports and logs them. */

const { isNativeError } = require('util').types;

const NEVER_SETTLED =
  'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise ' +
  'that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes';
const UNREADABLE =
  'callback called with Error argument, but there was a problem while retrieving one or more of its message, ' +
  'name, and stack';

/** An error of the runtime's own: its name is `Runtime.` and `kind`, and its stack begins with that. */
function failure(kind, message) {
  const type = { [kind]: class extends Error {} }[kind];
  type.prototype.name = `Runtime.${kind}`;
  return new type(message);
}

function neverSettled() {
  return failure('NodeJsExit', NEVER_SETTLED);
}

/** `reason` and `promise` are enumerable, so that the log shows them. */
function unhandledRejection(reason, promise) {
  return Object.assign(failure('UnhandledPromiseRejection', readable(reason)), { reason, promise });
}

function readable(reason) {
  try {
    return reason === undefined ? undefined : `${reason}`;
  } catch {
    return Object.prototype.toString.call(reason);
  }
}

/** The document that the Runtime API takes. What is thrown may be anything, and its properties may throw. */
function toDocument(error) {
  try {
    if (isNativeError(error) || looksLikeError(error)) {
      return { errorType: escaped(error.name), errorMessage: escaped(error.message), trace: escaped(error.stack).split('\n') };
    }
    return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: UNREADABLE };
  }
}

function looksLikeError(error) {
  return ['name', 'message', 'stack'].every((key) => error && error[key] && typeof error[key] === 'string');
}

function escaped(text) {
  return text === undefined || text === null ? text : text.replaceAll('\x7F', '%7F');
}

function intoError(error) {
  return error instanceof Error ? error : new Error(readable(error));
}

/** A tab and the error as JSON with its stack by lines, as it stands in the text log. */
function toLogged(error) {
  try {
    return `\t${JSON.stringify(error, (_, value) => withHidden(value))}`;
  } catch {
    return `\t${JSON.stringify(toDocument(error))}`;
  }
}

/** What JSON would leave out of an error, before what it would show. */
function withHidden(value) {
  if (!(value instanceof Error)) {
    return value;
  }
  const shown = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
  if (typeof value.stack === 'string') {
    shown.stack = value.stack.split('\n');
  }
  return shown;
}

module.exports = { failure, intoError, neverSettled, toDocument, toLogged, unhandledRejection };
