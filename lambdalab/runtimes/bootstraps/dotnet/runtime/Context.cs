using System;
using System.Collections.Generic;
using System.Text.Json;
using Amazon.Lambda.Core;

namespace LambdaRuntime;

/// What a handler gets as its second parameter.
sealed class Context : ILambdaContext
{
    readonly Invocation invocation;

    public Context(Invocation invocation) => this.invocation = invocation;

    public string AwsRequestId => invocation.RequestId;
    public string InvokedFunctionArn => invocation.Arn;
    public string TraceId => invocation.TraceId;
    public string FunctionName => Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_NAME")!;
    public string FunctionVersion => Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_VERSION")!;
    public string LogGroupName => Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_GROUP_NAME")!;
    public string LogStreamName => Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_STREAM_NAME")!;
    public int MemoryLimitInMB => int.Parse(Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")!);
    public TimeSpan RemainingTime => DateTimeOffset.FromUnixTimeMilliseconds(invocation.DeadlineMs) - DateTimeOffset.UtcNow;
    public ILambdaLogger Logger => LeveledLog.Instance;
    public IClientContext ClientContext => invocation.ClientContext is { } text ? new Client(JsonDocument.Parse(text).RootElement) : null!;
    public ICognitoIdentity Identity => new Cognito(invocation.Identity is { } text ? JsonDocument.Parse(text).RootElement : null);
}

sealed class Client : IClientContext, IClientApplication
{
    readonly JsonElement client;

    public Client(JsonElement context)
    {
        Environment = Texts(context, "env");
        Custom = Texts(context, "custom");
        client = context.TryGetProperty("client", out var found) ? found : default;
    }

    public IDictionary<string, string> Environment { get; }
    public IDictionary<string, string> Custom { get; }
    IClientApplication IClientContext.Client => this;
    public string AppPackageName => Text("app_package_name");
    public string AppTitle => Text("app_title");
    public string AppVersionCode => Text("app_version_code");
    public string AppVersionName => Text("app_version_name");
    public string InstallationId => Text("installation_id");

    string Text(string name) => client.ValueKind == JsonValueKind.Object && client.TryGetProperty(name, out var found) ? found.ToString() : null!;

    static IDictionary<string, string> Texts(JsonElement context, string name)
    {
        if (!context.TryGetProperty(name, out var found) || found.ValueKind != JsonValueKind.Object) return null!;
        var texts = new Dictionary<string, string>();
        foreach (var one in found.EnumerateObject()) texts[one.Name] = one.Value.ToString();
        return texts;
    }
}

sealed class Cognito : ICognitoIdentity
{
    public Cognito(JsonElement? identity)
    {
        IdentityId = Text(identity, "cognitoIdentityId");
        IdentityPoolId = Text(identity, "cognitoIdentityPoolId");
    }

    public string IdentityId { get; }
    public string IdentityPoolId { get; }

    static string Text(JsonElement? identity, string name) =>
        identity is { } found && found.TryGetProperty(name, out var text) ? text.ToString() : "";
}

/// A handler's `context.Logger`. The method names without a body of their own are those of the oldest Amazon.Lambda.Core;
/// newer ones call the rest.
sealed class LeveledLog : ILambdaLogger
{
    public static readonly LeveledLog Instance = new();

    public void Log(string message) => LambdaRuntime.Log.Write("Information", message);

    public void LogLine(string message) => LambdaRuntime.Log.Write("Information", message);

    public void Log(string level, string message) => LambdaRuntime.Log.Write(level, message);

    public void Log(string level, string message, params object[] args) => LambdaRuntime.Log.Write(level, message, args);

    public void Log(string level, Exception exception, string message, params object[] args) =>
        LambdaRuntime.Log.Write(level, message, args, exception);
}
