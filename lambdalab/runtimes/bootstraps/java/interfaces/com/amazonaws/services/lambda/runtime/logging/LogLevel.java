package com.amazonaws.services.lambda.runtime.logging;

/** How important a message is. */
public enum LogLevel {
    UNDEFINED, TRACE, DEBUG, INFO, WARN, ERROR, FATAL;

    public static LogLevel fromString(String name) {
        try {
            return valueOf(name.toUpperCase(java.util.Locale.ROOT));
        } catch (IllegalArgumentException | NullPointerException unknown) {
            throw new IllegalArgumentException("Invalid log level: '" + name + "' expected one of " + java.util.Arrays.toString(values()));
        }
    }
}
