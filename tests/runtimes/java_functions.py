"""The Java source of the functions that test_java.py deploys."""

SOURCE = """
package forms;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

public class Forms {
    public enum Kind { SMALL, LARGE }

    public static class Person {
        private String name;
        private int age;
        private Address address;
        public List<String> tags;
        public String getName() { return name; }
        public void setName(String name) { this.name = name; }
        public int getAge() { return age; }
        public void setAge(int age) { this.age = age; }
        public Address getAddress() { return address; }
        public void setAddress(Address address) { this.address = address; }
    }

    public static class Address {
        private double height;
        private Date since;
        private Kind kind;
        public double getHeight() { return height; }
        public void setHeight(double height) { this.height = height; }
        public Date getSince() { return since; }
        public void setSince(Date since) { this.since = since; }
        public Kind getKind() { return kind; }
        public void setKind(Kind kind) { this.kind = kind; }
    }

    public static class Greeting {
        public String hello;
        private boolean kind = true;
        private Person person;
        public boolean isKind() { return kind; }
        public String getNothing() { return null; }
        public Person getPerson() { return person; }
    }

    public static class Typed implements RequestHandler<Person, Greeting> {
        public Greeting handleRequest(Person person, Context context) {
            Greeting greeting = new Greeting();
            greeting.hello = "Hello " + person.getName() + ", " + person.getAge();
            greeting.person = person;
            return greeting;
        }
    }

    public abstract static class Base<T> implements RequestHandler<T, String> {}

    public static class Sum extends Base<List<Integer>> {
        public String handleRequest(List<Integer> numbers, Context context) {
            int sum = 0;
            for (Integer number : numbers) sum += number;
            return "sum " + sum;
        }
    }

    public static class Upper implements RequestStreamHandler {
        public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
            for (int c = in.read(); c >= 0; c = in.read()) out.write(Character.toUpperCase(c));
        }
    }

    public static class BreaksAsClass {
        static { if (true) throw new IllegalStateException("static"); }
        public String go(Object event) { return ""; }
    }

    public static class BreaksAsObject {
        public BreaksAsObject() { throw new IllegalArgumentException("constructor"); }
        public String go(Object event) { return ""; }
    }

    public static class NeedsMore {
        public NeedsMore(String more) {}
        public String go(Object event) { return ""; }
    }

    public class Inner {
        public String go(Object event) { return ""; }
    }

    public static String stat(String text) { return "static " + text; }
    public String number(int number, Context context) { return number + " " + context.getFunctionName(); }
    public void bytes(InputStream in, OutputStream out) throws IOException { out.write("[1]".getBytes()); }
    public String none() { return "no parameters"; }
    public Object nulls(Object event) { return null; }
    public Object echo(Object event) { return event; }
    public int length(Map<String, String> event) { return event.get("text").length(); }
    public String fails(Object event) throws Exception {
        try {
            throw new IOException("inner");
        } catch (IOException inner) {
            throw new Exception("outer", inner);
        }
    }
    public String wordless(Object event) { throw new NullPointerException(); }
    public String asserts(Object event) { throw new AssertionError("no"); }
    public String fills(Object event) {
        List<byte[]> kept = new ArrayList<>();
        while (true) kept.add(new byte[1_000_000]);
    }
    public String exits(Integer status) { System.exit(status); return ""; }
    public String crashes(Object event) throws Exception {
        String[] command = {"/bin/sh", "-c", "kill -SEGV $PPID"};
        Runtime.getRuntime().exec(command).waitFor();
        Thread.sleep(3000);
        return "";
    }
    public String waits(Integer millis) throws InterruptedException { Thread.sleep(millis); return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME"); }

    public Map<String, Object> about(Object event, Context context) {
        Map<String, Object> found = new TreeMap<>();
        found.put("id", context.getAwsRequestId());
        found.put("group", context.getLogGroupName());
        found.put("stream", context.getLogStreamName());
        found.put("name", context.getFunctionName());
        found.put("version", context.getFunctionVersion());
        found.put("arn", context.getInvokedFunctionArn());
        found.put("memory", context.getMemoryLimitInMB());
        found.put("left", context.getRemainingTimeInMillis());
        found.put("client", context.getClientContext() == null ? null : context.getClientContext().getCustom());
        found.put("title", context.getClientContext() == null ? null : context.getClientContext().getClient().getAppTitle());
        found.put("logger", context.getLogger() != null);
        found.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
        return found;
    }

    public Map<String, Object> machine(Object event) throws Exception {
        Map<String, Object> found = new TreeMap<>();
        found.put("version", System.getProperty("java.version"));
        found.put("heap", Runtime.getRuntime().maxMemory() >> 20);
        found.put("charset", java.nio.charset.Charset.defaultCharset().name());
        found.put("directory", System.getProperty("user.dir"));
        found.put("environment", System.getenv());
        found.put("flags", java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments());
        found.put("classes", System.getProperty("java.class.path"));
        com.sun.management.HotSpotDiagnosticMXBean machine = java.lang.management.ManagementFactory.getPlatformMXBean(
            com.sun.management.HotSpotDiagnosticMXBean.class);
        for (String option : new String[] {"UseSerialGC", "TieredStopAtLevel"}) {
            found.put(option, machine.getVMOption(option).getValue());
        }
        return found;
    }

    public List<String> files(String name) throws IOException {
        File temporary = new File(System.getProperty("java.io.tmpdir"), "names");
        temporary.mkdir();
        new File(temporary, name).createNewFile();
        String[] names = temporary.list();
        Arrays.sort(names);
        return Arrays.asList(names);
    }

    public void logs(Object event, Context context) {
        LambdaLogger logger = context.getLogger();
        logger.log("logged\\n");
        logger.log("debugged", LogLevel.DEBUG);
        logger.log("warned", LogLevel.WARN);
        System.out.println();
        System.out.println("printed \\u00e9");
        System.err.println("to stderr");
        LambdaRuntime.getLogger().log("by the runtime\\n");
    }

    public String library(Object event) throws ReflectiveOperationException {
        return (String) Class.forName("library.Library").getField("SAYS").get(null);
    }
}
"""
LIBRARY = 'package library; public class Library { public static final String SAYS = "from /var/task/lib"; }'
