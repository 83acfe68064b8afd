"""The contract's handlers in Java, compiled for the runtime's own release with AWS's interfaces at hand."""

import zipfile

from lambdalab.toolchains import javac
from tests.contract.languages import Language, Missing

SOURCE = """
package contract;

import com.amazonaws.services.lambda.runtime.Context;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public class App {
    private int calls = 0;
    private final List<ByteBuffer> kept = new ArrayList<>();

    public Object echo(Object event) { return event; }
    public String fails(Map<String, String> event) { throw new IllegalStateException("no " + event.get("what")); }
    public void exits(Object event) { Runtime.getRuntime().halt(3); }
    public void hangs(Object event) throws InterruptedException { Thread.sleep(60_000); }
    public void writes(Object event) { System.out.println("written"); }
    public String waits(Object event) throws InterruptedException { Thread.sleep(400); return "waited"; }
    public int counts(Object event) { return ++calls; }
    public Map<String, String> environment(Object event) { return System.getenv(); }

    public String big(Object event) {
        char[] text = new char[6 * 1024 * 1024 + 200];
        java.util.Arrays.fill(text, 'x');
        return new String(text);
    }

    // By turns in the heap and beside it: a full heap alone is Java's own OutOfMemoryError, before the sandbox is full.
    public int hogs(Object event) {
        for (int block = 0; block < 40; block++) {
            ByteBuffer memory = block % 2 == 0 ? ByteBuffer.allocate(10_000_000) : ByteBuffer.allocateDirect(10_000_000);
            while (memory.remaining() >= 8) memory.putLong(1);
            kept.add(memory);
        }
        return kept.size();
    }

    public boolean keeps(Object event) throws IOException {
        String temporary = System.getenv("TMPDIR");
        File file = new File(temporary == null ? "/tmp" : temporary, "kept");
        return !file.createNewFile();
    }

    public Map<String, Object> about(Object event, Context context) {
        Map<String, Object> about = new HashMap<>();
        about.put("id", context.getAwsRequestId());
        about.put("arn", context.getInvokedFunctionArn());
        about.put("memory", context.getMemoryLimitInMB());
        about.put("left", context.getRemainingTimeInMillis());
        about.put("name", context.getFunctionName());
        return about;
    }

    public Map<String, Object> reads(List<String> paths) {
        Map<String, Object> found = new LinkedHashMap<>();
        for (String name : paths) found.put(name, read(Paths.get(name)));
        return found;
    }

    private static Object read(Path path) {
        try {
            if (Files.isDirectory(path)) {
                try (java.util.stream.Stream<Path> names = Files.list(path)) { return names.count(); }
            }
            return Files.readAllBytes(path).length;
        } catch (NoSuchFileException missing) {
            return "FileNotFoundError";
        } catch (AccessDeniedException refused) {
            return "PermissionError";
        } catch (IOException other) {
            return other.toString();
        }
    }

    public String layered(Object event) throws ReflectiveOperationException {
        Class<?> library = Class.forName("layer.Library", true, App.class.getClassLoader());
        return (String) library.getField("SAYS").get(null);
    }
}
"""
LIBRARY = 'package layer; public class Library { public static final String SAYS = "from the layer"; }'


def package(directory, runtime):
    compile_into(directory, runtime, {"contract/App.java": SOURCE})


def layer(directory, runtime):
    classes = directory / "classes"
    compile_into(classes, runtime, {"layer/Library.java": LIBRARY})
    (directory / "java" / "lib").mkdir(parents=True)
    with zipfile.ZipFile(directory / "java" / "lib" / "library.jar", "w") as jar:
        jar.write(classes / "layer" / "Library.class", "layer/Library.class")


def compile_into(directory, runtime, sources):
    """Compile Java files for a runtime; as far as there is no compiler of its release, for an earlier one."""
    release = int(runtime.removeprefix("java").removesuffix(".al2"))
    compiler = javac.best(release)
    if compiler is None:
        raise Missing("no javac on this machine")
    work = directory / ".." / f"{directory.name}-sources"
    for name, text in sources.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    directory.mkdir(exist_ok=True)
    paths = [work / name for name in sources]
    assert javac.compile_sources(compiler, min(release, compiler.release), paths, directory) == ""


LANGUAGE = Language(
    "java",
    package,
    layer,
    lambda name: f"contract.App::{name}",
    "java.lang.IllegalStateException",
    memory=256,
    timeout=5,
    unable={
        "survives": "AWS's client for Java ends itself when its answer is refused",
        "crashes": "the JVM makes SIGSEGV an error report and SIGABRT; test_java.py looks at that",
        "nothing": "AWS's client tells of a class or method that is not there with each invocation; so does test_java.py",
    },
)
