'use strict';
/** From an empty process to the first poll: the log, the connection, the globals, the function; and the ends. */

const awslambda = require('./awslambda.cjs');
const { crashed, initFailed, loaded, watch } = require('./endings.cjs');
const { loadHandler } = require('./loading.cjs');
const { patchConsole } = require('./logging.cjs');
const release = require('./release.cjs');
const { RuntimeApi } = require('./runtime_api.cjs');

const CALLBACKS_REMOVED =
  'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. ' +
  'You need to modify this function to use a supported handler signature to use Node.js 24 or later. ' +
  'For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.';
const CALLBACKS_LEAVING =
  'AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24. ' +
  'You will need to update this function to use an async handler to use Node.js 24 or later. ' +
  'For more information and to provide feedback on this change, see ' +
  'https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/137. ' +
  'To disable this warning, set the AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING environment variable.';

/** The invoker that serves this function. Does not return when the function cannot be loaded. */
async function load() {
  patchConsole();
  const api = new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API);
  watch(api);
  awslambda.install();
  try {
    const handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
    const streaming = awslambda.streaming(handler);
    checkSignature(handler, streaming);
    loaded();
    return invoker(api, handler, streaming);
  } catch (error) {
    return initFailed(error);
  }
}

/** Callback handlers (three parameters): refused from 24 on; before that a warning, as AWS gives on 22 and older. */
function checkSignature(handler, streaming) {
  if (streaming) {
    return;
  }
  if (release.asyncOnly && handler.length >= 3) {
    const { failure } = require('./errors.cjs');
    throw failure('CallbackHandlerDeprecated', CALLBACKS_REMOVED);
  }
  if (handler.length === 3 && handler.constructor.name !== 'AsyncFunction') {
    if (process.env.AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING === undefined) {
      console.warn(CALLBACKS_LEAVING);
    }
  }
}

function invoker(api, handler, streaming) {
  if (streaming) {
    const { StreamingInvokeProcessor } = require('./streaming.cjs');
    return new StreamingInvokeProcessor(api, handler, awslambda.highWaterMark(handler));
  }
  if (release.asyncOnly) {
    const { BufferedInvokeProcessor } = require('./promises.cjs');
    return new BufferedInvokeProcessor(api, handler);
  }
  const { Runtime } = require('./callbacks.cjs');
  return new Runtime(api, handler);
}

/** One invocation after the other, until the process ends. */
function run(serving) {
  serving.start().catch((error) => crashed('Uncaught Exception', error, 129));
}

module.exports = { load, run };
