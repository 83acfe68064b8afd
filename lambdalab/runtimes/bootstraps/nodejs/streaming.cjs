'use strict';
/** Invocations whose handler writes its response to a stream: (event, responseStream, context) => promise. */

const { contextOf } = require('./context.cjs');
const { invoking, onEmptyLoop } = require('./endings.cjs');
const { neverSettled, toDocument } = require('./errors.cjs');
const { during, logError } = require('./logging.cjs');
const release = require('./release.cjs');
const { ResponseStream } = require('./response_stream.cjs');

class StreamingInvokeProcessor {
  constructor(api, handler, highWaterMark) {
    this.api = api;
    this.handler = handler;
    this.highWaterMark = highWaterMark;
    this.returned = false;
  }

  async start() {
    for (;;) {
      const { headers, body } = await this.api.next();
      const context = contextOf(headers);
      const waiting = release.asyncOnly ? { callbackWaitsForEmptyEventLoop: false } : waitingOf(context);
      invoking(context.awsRequestId);
      await during(context.awsRequestId, () => this.processInvoke(context, JSON.parse(body)));
      if (waiting.callbackWaitsForEmptyEventLoop) {
        await new Promise(onEmptyLoop);
      }
    }
  }

  async processInvoke(context, event) {
    const stream = new ResponseStream(this.api, context.awsRequestId, this.highWaterMark);
    try {
      await Promise.race([this.answer(event, stream, context), this.loopEmpty(), stream.broken]);
    } catch (error) {
      logError('Invoke Error', error);
      await stream.fail(toDocument(error));
    }
    onEmptyLoop(null);
    invoking('');
  }

  async answer(event, stream, context) {
    this.returned = false;
    const promise = this.handler(event, stream, context);
    if (!promise || typeof promise.then !== 'function') {
      throw refusal('Streaming does not support non-async handlers.');
    }
    if ((await promise) !== undefined) {
      console.warn('Streaming handlers ignore return values.');
    }
    this.returned = true;
    await stream.finished;
  }

  /** Fails once the function has nothing more to do although its response is not at its end. */
  loopEmpty() {
    const why = () => (this.returned ? refusal('Response stream is not finished.') : neverSettled());
    return new Promise((_, reject) => onEmptyLoop(() => reject(why())));
  }
}

/** AWS's older runtimes throw the words alone, the newer an error. */
function refusal(words) {
  return release.asyncOnly ? new Error(words) : words;
}

/** The member by which the function says whether the next event waits for its event loop. */
function waitingOf(context) {
  context.callbackWaitsForEmptyEventLoop = true;
  return context;
}

module.exports = { StreamingInvokeProcessor };
