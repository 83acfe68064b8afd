'use strict';
/** The global `awslambda`: what makes a handler one whose response is sent in parts, and shapes such a response. */

const { failure } = require('./errors.cjs');

const MARK = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const RESPONSE = 'response';
const WITH_HEAD = 'application/vnd.awslambda.http-integration-response';

/** Responses that begin with a status, headers and cookies, for function URLs. */
class HttpResponseStream {
  /** `prelude` ({statusCode, headers, cookies}) goes before the first part, divided from it by eight NUL bytes. */
  static from(stream, prelude) {
    stream.setContentType(WITH_HEAD);
    const head = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(head);
      write(new Uint8Array(8));
    };
    return stream;
  }
}

function streamifyResponse(handler, options) {
  handler[MARK] = RESPONSE;
  if (options && typeof options.highWaterMark === 'number') {
    handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
  }
  return handler;
}

function install() {
  if (!['1', 'true'].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) {
    globalThis.awslambda = { ...globalThis.awslambda, streamifyResponse, HttpResponseStream };
  }
}

/** Whether the handler writes its response to a stream. */
function streaming(handler) {
  const mark = handler[MARK];
  if (mark === undefined || mark === null || mark === false) {
    return false;
  }
  if (mark !== RESPONSE) {
    throw failure('MalformedStreamingHandler', 'Only response streaming is supported.');
  }
  return true;
}

/** How many bytes such a handler may write before it is told to wait; undefined: Node's own figure. */
function highWaterMark(handler) {
  return handler[HIGH_WATER_MARK] || undefined;
}

module.exports = { highWaterMark, install, streaming };
