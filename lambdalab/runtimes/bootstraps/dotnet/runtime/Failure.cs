using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LambdaRuntime;

/// Exceptions as AWS reports them: {"errorType", "errorMessage", "stackTrace"}, with "cause" and "causes" inside.
static class Failure
{
    const int Limit = 256 * 1024;
    const string TooLong = "{\"errorMessage\": \"Exception exceeded maximum payload size of 256KB.\"}";

    public static byte[] Document(Exception error)
    {
        using var bytes = new MemoryStream();
        var options = new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(bytes, options)) Write(json, error);
        return bytes.Length <= Limit ? bytes.ToArray() : Encoding.UTF8.GetBytes(TooLong);
    }

    static void Write(Utf8JsonWriter json, Exception error)
    {
        json.WriteStartObject();
        json.WriteString("errorType", error.GetType().Name);
        json.WriteString("errorMessage", error.Message);
        var frames = Frames(error.StackTrace);
        if (frames.Count > 0)
        {
            json.WriteStartArray("stackTrace");
            foreach (var frame in frames) json.WriteStringValue(frame);
            json.WriteEndArray();
        }
        if (error.InnerException is { } inner)
        {
            json.WritePropertyName("cause");
            Write(json, inner);
        }
        if (error is AggregateException { InnerExceptions.Count: > 0 } several)
        {
            json.WriteStartArray("causes");
            foreach (var one in several.InnerExceptions) Write(json, one);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    /// The exception as .NET prints it, without the runtime's own frames.
    public static string Text(Exception error)
    {
        var lines = new List<string>();
        foreach (var line in error.ToString().Split('\n'))
            if (!IsOurs(line.Trim())) lines.Add(line);
        return string.Join('\n', lines);
    }

    static List<string> Frames(string? trace)
    {
        var frames = new List<string>();
        foreach (var line in (trace ?? "").Split('\n'))
        {
            var frame = line.Trim();
            if (frame.Length > 0 && !IsOurs(frame)) frames.Add(frame);
        }
        return frames;
    }

    /// How the runtime calls a handler is its own business.
    static bool IsOurs(string frame) =>
        frame.StartsWith("at LambdaRuntime.") || frame.StartsWith("at InvokeStub_") || frame.StartsWith("at System.RuntimeMethodHandle.InvokeMethod(")
        || frame.StartsWith("at System.Reflection.MethodBaseInvoker.") || frame.StartsWith("at System.Reflection.RuntimeMethodInfo.Invoke(")
        || frame.StartsWith("at System.Reflection.ConstructorInvoker.") || frame.StartsWith("at System.Reflection.RuntimeConstructorInfo.Invoke(");
}
