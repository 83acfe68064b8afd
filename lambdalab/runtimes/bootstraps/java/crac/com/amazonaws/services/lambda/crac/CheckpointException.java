package com.amazonaws.services.lambda.crac;

/** Some resources failed before a snapshot; their exceptions are the suppressed ones. */
public class CheckpointException extends Exception {
    private static final long serialVersionUID = 1;
}
