'use strict';
/** From 24 on: a handler's value, or its promise's, is the result. The class is called what stack traces of AWS say. */

const { contextOf } = require('./context.cjs');
const { invoking } = require('./endings.cjs');
const { failure, toDocument } = require('./errors.cjs');
const { during, logError } = require('./logging.cjs');

class BufferedInvokeProcessor {
  constructor(api, handler) {
    this.api = api;
    this.handler = handler;
  }

  async start() {
    for (;;) {
      const { headers, body } = await this.api.next();
      const context = contextOf(headers);
      invoking(context.awsRequestId);
      await during(context.awsRequestId, () => this.processInvoke(context, JSON.parse(body)));
    }
  }

  async processInvoke(context, event) {
    const id = context.awsRequestId;
    try {
      const result = await this.handler(event, context);
      const text = serialised(result);
      // A promise that was left to itself and failed by now fails the invocation: AWS gives it one turn.
      await new Promise((resolve) => setImmediate(resolve));
      this.api.respond(id, text);
    } catch (error) {
      logError('Invoke Error', error);
      this.api.fail(id, toDocument(error));
    }
    invoking('');
  }
}

function serialised(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) || 'null';
  } catch {
    throw failure('JSONStringifyError', 'Unable to stringify response body');
  }
}

module.exports = { BufferedInvokeProcessor };
