package lambdalab;

import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import java.io.File;
import java.io.FileOutputStream;
import java.io.FileDescriptor;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The Java runtime's entry point: finds the handler, then asks for events until it is ended.
 *
 * <p>It stands in for AWS's client where that cannot be had, and keeps its contract: the class path, the handlers' forms,
 * the error documents, the log. It knows nothing of the unusual names in some types of aws-lambda-java-events.
 */
public final class Bootstrap {
    private static final Log LOG = new Log();

    private Bootstrap() {}

    public static void main(String[] arguments) throws Exception {
        System.setOut(new PrintStream(new FileOutputStream(FileDescriptor.out), true, "UTF-8"));
        System.setErr(new PrintStream(new FileOutputStream(FileDescriptor.err), true, "UTF-8"));
        share(LOG);
        RuntimeApi api = new RuntimeApi(System.getenv("AWS_LAMBDA_RUNTIME_API"));
        ClassLoader loader = new URLClassLoader(classPath(), ClassLoader.getSystemClassLoader());
        Thread.currentThread().setContextClassLoader(loader);
        Handler handler;
        try {
            handler = Handler.find(arguments[0], loader);
        } catch (Failure wrong) {
            LOG.failure(wrong);
            api.initFailed(wrong);
            System.exit(1);
            return;
        }
        if (Snapshot.isWanted()) Snapshot.pass(api, LOG);
        while (serve(api, handler)) Thread.interrupted();
        System.exit(1);
    }

    /** One invocation; whether there may be another. */
    private static boolean serve(RuntimeApi api, Handler handler) throws Exception {
        RuntimeApi.Invocation event = api.next();
        LOG.requestId = event.id();
        String trace = event.headers.get("lambda-runtime-trace-id");
        if (trace == null || trace.isEmpty()) System.clearProperty("com.amazonaws.xray.traceHeader");
        else System.setProperty("com.amazonaws.xray.traceHeader", trace);
        byte[] answer;
        try {
            answer = handler.call(event.body, new Invoked(event, LOG));
        } catch (Throwable thrown) {
            Failure failure = thrown instanceof Failure ? (Failure) thrown : Failure.of(thrown);
            api.fail(event.id(), failure);
            LOG.failure(failure);
            return !failure.isFatal();
        }
        api.respond(event.id(), answer);
        return true;
    }

    /** The function's classes, its jars, and those of its layers, by name. */
    private static URL[] classPath() throws MalformedURLException {
        List<URL> found = new ArrayList<>();
        String task = System.getenv("LAMBDA_TASK_ROOT");
        found.add(new File(task + "/").toURI().toURL());
        for (String directory : new String[] {task + "/lib", "/opt/java/lib"}) {
            File[] jars = new File(directory).listFiles((in, name) -> name.endsWith(".jar"));
            if (jars == null) continue;
            Arrays.sort(jars);
            for (File jar : jars) found.add(jar.toURI().toURL());
        }
        return found.toArray(new URL[0]);
    }

    private static void share(LambdaLogger log) throws ReflectiveOperationException {
        Field field = LambdaRuntime.class.getDeclaredField("logger");
        field.setAccessible(true);
        field.set(null, log);
    }
}
