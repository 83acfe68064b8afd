package lambdalab;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What went wrong, as AWS's client reports and logs it: {errorMessage, errorType, stackTrace}. */
final class Failure extends Exception {
    /** Whose fault it is, in the words of the Runtime API's header. */
    private static final String HANDLER = "Runtime.BadFunctionCode";
    private static final String FUNCTION = "Runtime.UserException";

    private final String kind;
    private final String type;
    private final Throwable shown;

    private Failure(String kind, String message, String type, Throwable shown) {
        super(message, shown, false, false);
        this.kind = kind;
        this.type = type;
        this.shown = shown;
    }

    /** An exception of the function's, with its stack up to where the runtime called it. */
    static Failure of(Throwable thrown) {
        trim(thrown, new java.util.HashSet<>());
        return new Failure(FUNCTION, message(thrown), thrown.getClass().getName(), thrown);
    }

    /** A handler that is not there, or is none. */
    static Failure saying(String message) {
        return new Failure(HANDLER, message, null, null);
    }

    /** The same, with the exception that showed it; AWS reports it without its stack. */
    static Failure saying(String message, Throwable cause) {
        trim(cause, new java.util.HashSet<>());
        return new Failure(HANDLER, message == null ? message(cause) : message, cause.getClass().getName(), cause);
    }

    /** What the hooks of SnapStart threw, under the platform's name for that. */
    static Failure inHook(String kind, Throwable thrown) {
        trim(thrown, new java.util.HashSet<>());
        return new Failure(kind, message(thrown), thrown.getClass().getName(), thrown);
    }

    private static String message(Throwable thrown) {
        return thrown.getLocalizedMessage() == null ? thrown.getClass().getName() : thrown.getLocalizedMessage();
    }

    boolean isFatal() {
        return shown instanceof VirtualMachineError;
    }

    String header() {
        return "Lambda-Runtime-Function-Error-Type: " + kind + "\r\n";
    }

    byte[] document() {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("errorMessage", getMessage());
        if (type != null) found.put("errorType", type);
        if (shown != null && kind.equals(FUNCTION)) {
            List<String> frames = new ArrayList<>();
            for (StackTraceElement frame : shown.getStackTrace()) frames.add(frame.toString());
            found.put("stackTrace", frames);
        }
        return Json.write(found).getBytes(StandardCharsets.UTF_8);
    }

    /** The log's text. */
    String text() {
        if (type == null) return getMessage() + "\n";
        StringWriter trace = new StringWriter();
        shown.printStackTrace(new PrintWriter(trace, true));
        return getMessage() + ": " + type + "\n" + trace + "\n";
    }

    private static void trim(Throwable thrown, java.util.Set<Throwable> seen) {
        if (thrown == null || !seen.add(thrown)) return;
        StackTraceElement[] frames = thrown.getStackTrace();
        for (int at = 0; at < frames.length; at++) {
            if (!frames[at].getClassName().startsWith("lambdalab.")) continue;
            thrown.setStackTrace(java.util.Arrays.copyOf(frames, at));
            break;
        }
        trim(thrown.getCause(), seen);
        for (Throwable other : thrown.getSuppressed()) trim(other, seen);
    }
}
