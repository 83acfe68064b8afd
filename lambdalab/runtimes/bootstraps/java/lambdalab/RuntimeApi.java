package lambdalab;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** The Runtime API over one kept-alive connection, in plain sockets: Java's HTTP clients take longer to load. */
final class RuntimeApi {
    /** One event: its headers by their names in small letters, and its body. */
    static final class Invocation {
        final Map<String, String> headers = new TreeMap<>();
        byte[] body = new byte[0];
        int status;

        String id() {
            return headers.get("lambda-runtime-aws-request-id");
        }
    }

    private static final String ROOT = "/2018-06-01/runtime/";
    private final String address;
    private Socket socket;
    private InputStream in;

    RuntimeApi(String address) {
        this.address = address;
    }

    Invocation next() throws IOException {
        send("GET", "invocation/next", "", new byte[0]);
        Invocation found = answer();
        if (found.status != 200) throw new IOException("Failed to get next invocation. HTTP Response code: " + found.status);
        return found;
    }

    /** Too large an answer (413) is the platform's to report; the environment lives on. */
    void respond(String id, byte[] body) throws IOException {
        post("invocation/" + id + "/response", "", body);
    }

    void fail(String id, Failure failure) throws IOException {
        post("invocation/" + id + "/error", failure.header(), failure.document());
    }

    void initFailed(Failure failure) throws IOException {
        post("init/error", failure.header(), failure.document());
    }

    /** Waits, frozen in the meantime, until the snapshot that was made of this process is restored. */
    void awaitRestore() throws IOException {
        send("GET", "restore/next", "", new byte[0]);
        int status = answer().status;
        if (status != 200) throw new IOException("Failed to get next restore. HTTP Response code: " + status);
    }

    void restoreFailed(Failure failure) throws IOException {
        post("restore/error", failure.header(), failure.document());
    }

    private void post(String path, String header, byte[] body) throws IOException {
        send("POST", path, header, body);
        int status = answer().status;
        if (status != 202 && status != 413) throw new IOException("Failed to post. HTTP Response code: " + status);
    }

    private void send(String method, String path, String header, byte[] body) throws IOException {
        if (socket == null) connect();
        String head = method + ' ' + ROOT + path + " HTTP/1.1\r\nHost: " + address + "\r\nContent-Type: application/json\r\n"
            + header + "Content-Length: " + body.length + "\r\n\r\n";
        byte[] start = head.getBytes(StandardCharsets.UTF_8);
        byte[] whole = java.util.Arrays.copyOf(start, start.length + body.length);
        System.arraycopy(body, 0, whole, start.length, body.length);
        OutputStream out = socket.getOutputStream();
        out.write(whole);
    }

    private void connect() throws IOException {
        int colon = address.lastIndexOf(':');
        socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
        socket.setTcpNoDelay(true);
        in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
    }

    private Invocation answer() throws IOException {
        Invocation found = new Invocation();
        found.status = Integer.parseInt(line().split(" ")[1]);
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            found.headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
        }
        found.body = new byte[Integer.parseInt(found.headers.getOrDefault("content-length", "0"))];
        for (int have = 0; have < found.body.length; ) {
            int read = in.read(found.body, have, found.body.length - have);
            if (read < 0) throw new EOFException("the Runtime API closed the connection");
            have += read;
        }
        return found;
    }

    private String line() throws IOException {
        java.io.ByteArrayOutputStream found = new java.io.ByteArrayOutputStream(64);
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) throw new EOFException("the Runtime API closed the connection");
            if (c != '\r') found.write(c);
        }
        return new String(found.toByteArray(), StandardCharsets.UTF_8);
    }
}
