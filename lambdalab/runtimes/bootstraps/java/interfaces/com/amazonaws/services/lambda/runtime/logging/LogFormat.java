package com.amazonaws.services.lambda.runtime.logging;

/** How a function's log is written. */
public enum LogFormat {
    JSON, TEXT;

    public static LogFormat fromString(String name) {
        try {
            return valueOf(name.toUpperCase(java.util.Locale.ROOT));
        } catch (IllegalArgumentException | NullPointerException unknown) {
            throw new IllegalArgumentException("Invalid log format: '" + name + "' expected one of " + java.util.Arrays.toString(values()));
        }
    }
}
