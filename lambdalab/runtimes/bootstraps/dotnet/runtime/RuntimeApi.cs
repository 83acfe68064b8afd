using System;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LambdaRuntime;

/// The Runtime API did not do its part: nothing that a function can answer for.
sealed class RuntimeApiException : Exception
{
    public RuntimeApiException(string message) : base(message) { }
}

/// An event: its body lies in `Buffer` from `Start` on, `Length` bytes.
sealed class Invocation
{
    public string RequestId = "", Arn = "", TraceId = "";
    public string? ClientContext, Identity;
    public long DeadlineMs;
    public byte[] Buffer = Array.Empty<byte>();
    public int Start, Length;
}

/// The Runtime API over one kept-alive connection. The poll for the next event travels with the answer to the last
/// one, which saves a round trip between two processes on every invocation.
sealed class RuntimeApi
{
    const string Prefix = "/2018-06-01/runtime/";
    const int NameLength = 128;
    static readonly byte[] Poll = Encoding.ASCII.GetBytes(
        "GET " + Prefix + "invocation/next HTTP/1.1\r\nHost: runtime\r\nUser-Agent: aws-lambda-dotnet/" + Environment.Version + "\r\n\r\n");

    static readonly byte[] End = { 13, 10, 13, 10 };

    readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    byte[] buffer = new byte[16384];
    int have, used;
    bool polled;

    public RuntimeApi(string address)
    {
        var colon = address.LastIndexOf(':');
        socket.Connect(new IPEndPoint(IPAddress.Parse(address.AsSpan(0, colon)), int.Parse(address.AsSpan(colon + 1))));
        socket.NoDelay = true;
    }

    /// Wait for an event.
    public Invocation Next()
    {
        if (polled) Taken();
        else Send(Poll, Poll.Length);
        polled = false;
        var invocation = new Invocation();
        var status = Read(invocation);
        if (status != 200) throw new RuntimeApiException("Received " + status + " when waiting for the next invocation.");
        return invocation;
    }

    public void Answered(string id, ArraySegment<byte> body) => Post("invocation/" + id + "/response", body, "", Poll);

    public void Failed(string id, byte[] body, string type) => Post("invocation/" + id + "/error", body, ErrorType(type), Poll);

    public void InitFailed(byte[] body, string type) => Report("init/error", body, type);

    public void RestoreFailed(byte[] body, string type) => Report("restore/error", body, type);

    void Report(string path, byte[] body, string type)
    {
        Post(path, body, ErrorType(type), Array.Empty<byte>());
        Read(new Invocation());
    }

    /// Wait, frozen in the meantime, until the snapshot that was made of this process is restored.
    public void AwaitRestore()
    {
        var asked = Encoding.ASCII.GetBytes("GET " + Prefix + "restore/next HTTP/1.1\r\nHost: runtime\r\n\r\n");
        Send(asked, asked.Length);
        var status = Read(new Invocation());
        if (status != 200) throw new RuntimeApiException("Received " + status + " when waiting for the restore.");
    }

    static string ErrorType(string name) =>
        "Lambda-Runtime-Function-Error-Type: " + Encoding.ASCII.GetString(Encoding.ASCII.GetBytes(name[..Math.Min(name.Length, NameLength)])) + "\r\n";

    void Post(string path, ArraySegment<byte> body, string headers, byte[] poll)
    {
        var head = Encoding.ASCII.GetBytes(
            "POST " + Prefix + path + " HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\n" + headers
            + "Content-Length: " + body.Count.ToString() + "\r\n\r\n");
        // In one write, so that the region reads it all at once.
        var all = new byte[head.Length + body.Count + poll.Length];
        head.CopyTo(all, 0);
        body.AsSpan().CopyTo(all.AsSpan(head.Length));
        poll.CopyTo(all, head.Length + body.Count);
        Send(all, all.Length);
        polled = poll.Length > 0;
    }

    void Send(byte[] data, int length)
    {
        for (var sent = 0; sent < length;) sent += socket.Send(data, sent, length - sent, SocketFlags.None);
    }

    /// 413: too large. The region has answered the caller already; the environment lives on, as on AWS.
    void Taken()
    {
        var status = Read(new Invocation());
        if (status is not (202 or 413)) throw new RuntimeApiException("The Runtime API answered " + status + " to an outcome.");
    }

    /// Read an answer into `invocation`; returns its status.
    int Read(Invocation invocation)
    {
        int end;
        while ((end = buffer.AsSpan(used, have - used).IndexOf(End)) < 0) Receive(buffer.Length);
        var head = Encoding.UTF8.GetString(buffer, used, end);
        used += end + 4;
        var length = 0;
        for (var at = head.IndexOf('\n') + 1; at > 0 && at < head.Length;)
        {
            var next = head.IndexOf('\n', at);
            var line = next < 0 ? head[at..] : head[at..(next - 1)];
            at = next + 1;
            var colon = line.IndexOf(':');
            var value = line[(colon + 2)..];
            switch (line[..colon].ToLowerInvariant())
            {
                case "content-length": length = int.Parse(value); break;
                case "lambda-runtime-aws-request-id": invocation.RequestId = value; break;
                case "lambda-runtime-deadline-ms": invocation.DeadlineMs = long.Parse(value); break;
                case "lambda-runtime-invoked-function-arn": invocation.Arn = value; break;
                case "lambda-runtime-trace-id": invocation.TraceId = value; break;
                case "lambda-runtime-client-context": invocation.ClientContext = value; break;
                case "lambda-runtime-cognito-identity": invocation.Identity = value; break;
            }
        }
        while (have - used < length) Receive(length);
        invocation.Buffer = buffer;
        invocation.Start = used;
        invocation.Length = length;
        used += length;
        return (head[9] - '0') * 100 + (head[10] - '0') * 10 + head[11] - '0';
    }

    /// Receive more behind what is unread, with room for `wanted` bytes. A new buffer each time it is full: the last
    /// event's body may still be in a handler's hands.
    void Receive(int wanted)
    {
        if (used == have || have == buffer.Length || buffer.Length - used < wanted)
        {
            var grown = new byte[Math.Max(16384, Math.Max(wanted, have - used) + 4096)];
            buffer.AsSpan(used, have - used).CopyTo(grown);
            (buffer, have, used) = (grown, have - used, 0);
        }
        var received = socket.Receive(buffer, have, buffer.Length - have, SocketFlags.None);
        if (received == 0) Environment.Exit(0); // the region has gone
        have += received;
    }
}
