package lambdalab;

import com.amazonaws.services.lambda.crac.Core;
import java.io.IOException;

/** SnapStart's side of a start: the hooks before the snapshot, the wait for its restore, the hooks after it. */
final class Snapshot {
    private static final int BEFORE_FAILED = 64;
    private static final int AFTER_FAILED = 65;

    private Snapshot() {}

    static boolean isWanted() {
        return "snap-start".equals(System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"));
    }

    static void pass(RuntimeApi api, Log log) throws IOException {
        try {
            Core.getGlobalContext().beforeCheckpoint(null);
        } catch (Throwable thrown) {
            Failure wrong = Failure.inHook("Runtime.BeforeCheckpointError", thrown);
            log.failure(wrong);
            api.initFailed(wrong);
            System.exit(BEFORE_FAILED);
        }
        api.awaitRestore();
        try {
            Core.getGlobalContext().afterRestore(null);
        } catch (Throwable thrown) {
            Failure wrong = Failure.inHook("Runtime.AfterRestoreError", thrown);
            log.failure(wrong);
            api.restoreFailed(wrong);
            System.exit(AFTER_FAILED);
        }
    }
}
