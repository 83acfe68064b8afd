package com.amazonaws.services.lambda.crac;

/** Where org.crac finds the context of the process, by the property org.crac.Core.Compat. */
public final class Core {
    private static final Context<Resource> CONTEXT = new GlobalContext();

    private Core() {}

    public static Context<Resource> getGlobalContext() {
        return CONTEXT;
    }

    /** Only the platform makes snapshots. */
    public static void checkpointRestore() {
        throw new UnsupportedOperationException();
    }
}
