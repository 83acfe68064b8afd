package com.amazonaws.services.lambda.crac;

/** What has something to do before a snapshot is made of its process, and after that is restored. */
public interface Resource {
    void beforeCheckpoint(Context<? extends Resource> context) throws Exception;

    void afterRestore(Context<? extends Resource> context) throws Exception;
}
