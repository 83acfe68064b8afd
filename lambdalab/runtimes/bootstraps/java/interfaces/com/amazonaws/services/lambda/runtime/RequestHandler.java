package com.amazonaws.services.lambda.runtime;

/** A handler of values: the event is read as an {@code I}, what is returned is written as an {@code O}. */
public interface RequestHandler<I, O> {
    O handleRequest(I input, Context context);
}
