package com.amazonaws.services.lambda.runtime;

/** The logger of the runtime, for libraries that have no context. */
public final class LambdaRuntime {
    private static volatile LambdaLogger logger;

    private LambdaRuntime() {}

    public static LambdaLogger getLogger() {
        return logger;
    }
}
