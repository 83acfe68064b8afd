'use strict';
/** The context object: what the environment's variables and the event's headers say. */

const release = require('./release.cjs');

/** All of it but the callbacks, which releases before 24 add. Also puts the trace id where X-Ray's client looks. */
function contextOf(headers) {
  const environment = process.env;
  const trace = headers['lambda-runtime-trace-id'];
  if (trace) {
    environment._X_AMZN_TRACE_ID = trace;
  } else {
    delete environment._X_AMZN_TRACE_ID;
  }
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const context = {
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: json(headers['lambda-runtime-client-context'], 'ClientContext'),
    identity: json(headers['lambda-runtime-cognito-identity'], 'CognitoIdentity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  if (release.asyncOnly) {
    context.xRayTraceId = trace;
  }
  return context;
}

function json(text, name) {
  if (text === undefined) {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

module.exports = { contextOf };
