'use strict';
/**
 * Before 24: a handler answers by its promise, by its third parameter, or by the context's succeed, fail and done.
 *
 * The first of them counts. A callback's result waits until the event loop is empty unless the function says
 * otherwise; a promise's does not. A handler that leaves an empty loop without any answer answered null, but an
 * async function forgot to settle. The names of class and method are those of AWS's stack traces.
 */

const { contextOf } = require('./context.cjs');
const { invoking, onEmptyLoop } = require('./endings.cjs');
const { neverSettled, toDocument } = require('./errors.cjs');
const { during, logError } = require('./logging.cjs');

class Runtime {
  constructor(api, handler) {
    this.api = api;
    this.handler = handler;
    this.isAsync = handler.constructor && handler.constructor.name === 'AsyncFunction';
  }

  async start() {
    for (;;) {
      const event = await this.api.next();
      await during(event.headers['lambda-runtime-aws-request-id'], () => this.handleOnceNonStreaming(event));
    }
  }

  handleOnceNonStreaming({ headers, body }) {
    const invocation = new Invocation(this.api, headers['lambda-runtime-aws-request-id']);
    invoking(invocation.id);
    onEmptyLoop(() => (this.isAsync ? invocation.fail(neverSettled()) : invocation.succeed(null)));
    try {
      const result = this.handler(JSON.parse(body), invocation.context(contextOf(headers)), invocation.callback);
      if (result && typeof result.then === 'function') {
        result.then(invocation.succeed, invocation.fail);
      }
    } catch (error) {
      invocation.callback(error);
    }
    return invocation.answered;
  }
}

class Invocation {
  constructor(api, id) {
    this.api = api;
    this.id = id;
    this.called = false;
    this.waits = true;
    this.answered = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.succeed = this.once((result) => this.respond(result));
    this.fail = this.once((error) => this.report(error === undefined || error === null ? 'handled' : error));
    this.done = this.once((error, result) => this.either(error, result, false));
    this.callback = this.once((error, result) => this.either(error, result, this.waits));
  }

  /** The first call of any of them counts. */
  once(action) {
    return (...values) => {
      if (!this.called) {
        this.called = true;
        action(...values);
      }
    };
  }

  either(error, result, waits) {
    if (error !== undefined && error !== null) {
      this.report(error);
    } else if (waits) {
      onEmptyLoop(() => this.respond(result));
    } else {
      this.respond(result);
    }
  }

  respond(result) {
    let text;
    try {
      text = JSON.stringify(result === undefined ? null : result) || 'null';
    } catch {
      this.report(new Error('Unable to stringify response body'));
      return;
    }
    this.api.respond(this.id, text);
    this.end();
  }

  report(error) {
    logError('Invoke Error', error);
    this.api.fail(this.id, toDocument(error));
    this.end();
  }

  end() {
    invoking('');
    onEmptyLoop(null);
    this.finish();
  }

  /** The context with what belongs to callbacks. */
  context(facts) {
    const invocation = this;
    const callbacks = {
      get callbackWaitsForEmptyEventLoop() {
        return invocation.waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        invocation.waits = Boolean(value);
      },
      succeed: this.succeed,
      fail: this.fail,
      done: this.done,
    };
    return Object.assign(callbacks, facts);
  }
}

module.exports = { Runtime };
