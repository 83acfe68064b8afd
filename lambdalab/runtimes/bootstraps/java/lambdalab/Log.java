package lambdalab;

import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Map;

/** The function's log: plain text, or one JSON document a message where the function is configured so. */
final class Log implements LambdaLogger {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);
    private final boolean json = "JSON".equalsIgnoreCase(System.getenv("AWS_LAMBDA_LOG_FORMAT"));
    private final LogLevel least = level(System.getenv("AWS_LAMBDA_LOG_LEVEL"));
    volatile String requestId;

    @Override
    public void log(String message) {
        log(message, LogLevel.UNDEFINED);
    }

    @Override
    public void log(byte[] message) {
        write(message);
    }

    @Override
    public void log(String message, LogLevel level) {
        if (json && level != LogLevel.UNDEFINED && level.compareTo(least) < 0) return;
        write((json ? document(message, level) : level == LogLevel.UNDEFINED ? message : "[" + level + "] " + message)
            .getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void log(byte[] message, LogLevel level) {
        log(new String(message, StandardCharsets.UTF_8), level);
    }

    /** What went wrong, as AWS's client logs it. */
    void failure(Failure failure) {
        log(failure.text(), json ? LogLevel.ERROR : LogLevel.UNDEFINED);
    }

    private String document(String message, LogLevel level) {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("timestamp", TIME.format(Instant.now()));
        found.put("message", message);
        found.put("level", level.name());
        found.put("AWSRequestId", requestId);
        return Json.write(found) + "\n";
    }

    private static synchronized void write(byte[] message) {
        System.out.write(message, 0, message.length);
        System.out.flush();
    }

    private static LogLevel level(String name) {
        try {
            return LogLevel.fromString(name);
        } catch (IllegalArgumentException none) {
            return LogLevel.UNDEFINED;
        }
    }
}
