using System;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LambdaRuntime;

/// What functions log, in AWS's two forms: "time\trequest id\tlevel\tmessage", and JSON. Levels below the configured
/// one are dropped.
static class Log
{
    static readonly string[] Levels = { "Trace", "Debug", "Information", "Warning", "Error", "Critical" };
    static readonly string[] Labels = { "trce", "dbug", "info", "warn", "fail", "crit" };
    public const string Time = "yyyy-MM-ddTHH:mm:ss.fffZ";
    static readonly object Turn = new();
    static readonly Stream Output = Console.OpenStandardOutput();
    static readonly bool Json = Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_FORMAT") == "JSON";
    static readonly bool Plain = "Unformatted".Equals(Environment.GetEnvironmentVariable("AWS_LAMBDA_HANDLER_LOG_FORMAT"), StringComparison.OrdinalIgnoreCase);
    static readonly int Least = LeastLevel();
    public static string RequestId = "", TraceId = "";

    /// From now on lines that are written to the console are lines of the log.
    public static void TakeConsole()
    {
        Console.SetOut(new LogWriter("Information"));
        Console.SetError(new LogWriter("Error"));
    }

    static int LeastLevel()
    {
        var named = Environment.GetEnvironmentVariable("AWS_LAMBDA_HANDLER_LOG_LEVEL") ?? Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_LEVEL");
        if (string.IsNullOrEmpty(named)) return 2;
        var level = Number(named.ToUpperInvariant() switch { "INFO" => "Information", "WARN" => "Warning", "FATAL" => "Critical", _ => named });
        return level < 0 ? 2 : level;
    }

    static int Number(string? level) => Array.FindIndex(Levels, one => one.Equals(level, StringComparison.OrdinalIgnoreCase));

    /// A line at a level; without one it is always written.
    public static void Write(string? level, string? message, object[]? values = null, Exception? error = null)
    {
        var number = Number(level);
        if (number >= 0 && number < Least) return;
        var template = values is { Length: > 0 } ? new Template(message ?? "", values) : null;
        message = template?.Filled ?? message ?? "";
        WriteRaw(Json ? JsonLine(number, message, template, error) : Line(number < 0 ? level : Labels[number], message, error));
    }

    /// The error that ends an invocation, or the init.
    public static void Unhandled(Exception error) => Write("Error", Json ? "" : Failure.Text(error), null, Json ? error : null);

    public static void WriteRaw(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        lock (Turn) Output.Write(bytes, 0, bytes.Length);
    }

    static string Line(string? label, string message, Exception? error)
    {
        if (error is not null) message += (message.Length > 0 ? "\n" : "") + error;
        if (Plain) return message + "\n";
        var time = DateTime.UtcNow.ToString(Time, CultureInfo.InvariantCulture);
        return string.IsNullOrEmpty(label) ? $"{time}\t{RequestId}\t{message}\n" : $"{time}\t{RequestId}\t{label}\t{message}\n";
    }

    static string JsonLine(int level, string message, Template? template, Exception? error)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("timestamp", DateTime.UtcNow.ToString(Time, CultureInfo.InvariantCulture));
            json.WriteString("level", Levels[level < 0 ? 2 : level]);
            if (RequestId.Length > 0) json.WriteString("requestId", RequestId);
            if (TraceId.Length > 0) json.WriteString("traceId", TraceId);
            json.WriteString("message", message);
            template?.WriteProperties(json);
            if (error is not null)
            {
                json.WriteString("errorType", error.GetType().FullName);
                json.WriteString("errorMessage", error.Message);
                json.WriteStartArray("stackTrace");
                foreach (var line in Failure.Text(error).Split('\n')) json.WriteStringValue(line.Trim());
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length) + "\n";
    }
}

/// The console of a function: whole lines are the log's, what is written without an end of line stays as it is.
sealed class LogWriter : TextWriter
{
    readonly string level;

    public LogWriter(string level) => this.level = level;

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value) => Log.WriteRaw(value.ToString());

    public override void Write(char[] buffer, int index, int count) => Log.WriteRaw(new string(buffer, index, count));

    public override void Write(string? value) => Log.WriteRaw(value ?? "");

    public override void WriteLine() => Log.Write(level, "");

    public override void WriteLine(string? value) => Log.Write(level, value);

    public override void WriteLine(object? value) => Log.Write(level, value?.ToString());

    public override void WriteLine(char value) => Log.Write(level, value.ToString());

    public override void WriteLine(bool value) => Log.Write(level, value ? "True" : "False");

    public override void WriteLine(int value) => Log.Write(level, value.ToString(FormatProvider));

    public override void WriteLine(long value) => Log.Write(level, value.ToString(FormatProvider));

    public override void WriteLine(uint value) => Log.Write(level, value.ToString(FormatProvider));

    public override void WriteLine(ulong value) => Log.Write(level, value.ToString(FormatProvider));

    public override void WriteLine(float value) => Log.Write(level, value.ToString(FormatProvider));

    public override void WriteLine(double value) => Log.Write(level, value.ToString(FormatProvider));

    public override void WriteLine(decimal value) => Log.Write(level, value.ToString(FormatProvider));

    public override void WriteLine(char[] buffer, int index, int count) => Log.Write(level, new string(buffer, index, count));

    public override void WriteLine(ReadOnlySpan<char> buffer) => Log.Write(level, buffer.ToString());

    public override void WriteLine(string format, object? value) => Log.Write(level, string.Format(FormatProvider, format, value));

    public override void WriteLine(string format, object? one, object? two) => Log.Write(level, string.Format(FormatProvider, format, one, two));

    public override void WriteLine(string format, object? one, object? two, object? three) =>
        Log.Write(level, string.Format(FormatProvider, format, one, two, three));

    public override void WriteLine(string format, params object?[] values) => Log.Write(level, string.Format(FormatProvider, format, values));
}
