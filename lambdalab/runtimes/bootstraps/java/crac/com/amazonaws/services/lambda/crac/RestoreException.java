package com.amazonaws.services.lambda.crac;

/** Some resources failed after a restore; their exceptions are the suppressed ones. */
public class RestoreException extends Exception {
    private static final long serialVersionUID = 1;
}
