// The .NET runtime's entry point, started as AWS starts its own:
//
//     dotnet exec --depsfile X.deps.json --runtimeconfig X.runtimeconfig.json bootstrap.dll ASSEMBLY::TYPE::METHOD
//
// Written from the behaviour of AWS's RuntimeSupport. What runs before the first poll uses little of the framework,
// for all of it that is not compiled ahead of time costs cold start.
using System;
using System.IO;
using System.Reflection;
using System.Runtime.Loader;

namespace LambdaRuntime;

static class Program
{
    static int Main(string[] words)
    {
        AssemblyLoadContext.Default.Resolving += Lent;
        KeepToMemorySize();
        Log.TakeConsole();
        var api = new RuntimeApi(Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API")!);
        Handler handler;
        try
        {
            handler = Handler.Load(words[0]);
        }
        catch (Exception error)
        {
            Log.Unhandled(error);
            api.InitFailed(Failure.Document(error), error.GetType().Name);
            return 1;
        }
        if (Snapshot.IsWanted && !Snapshot.Passed(api)) return 1;
        while (true) Serve(api, handler);
    }

    static void Serve(RuntimeApi api, Handler handler)
    {
        var invocation = api.Next();
        Log.RequestId = invocation.RequestId;
        Log.TraceId = invocation.TraceId;
        Environment.SetEnvironmentVariable("_X_AMZN_TRACE_ID", invocation.TraceId);
        try
        {
            api.Answered(invocation.RequestId, handler.Call(invocation));
        }
        catch (Exception error) when (error is not RuntimeApiException)
        {
            Log.Unhandled(error);
            api.Failed(invocation.RequestId, Failure.Document(error), error.GetType().Name);
        }
    }

    /// Our stand-ins for Amazon.Lambda.*, asked for when neither the package nor the framework has them.
    static Assembly? Lent(AssemblyLoadContext context, AssemblyName name)
    {
        // The base directory of the application is the function's, for its deps.json says what the application is.
        var path = Path.Combine(Path.GetDirectoryName(typeof(Program).Assembly.Location)!, "lib", name.Name + ".dll");
        return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
    }

    /// The collector takes the function's memory for the machine's, as on AWS; a smaller limit of the function's own stays.
    static void KeepToMemorySize()
    {
        if (Environment.GetEnvironmentVariable("AWS_LAMBDA_DOTNET_DISABLE_MEMORY_LIMIT_CHECK") == "true") return;
        if (!ulong.TryParse(Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), out var size)) return;
        size <<= 20;
        if ((ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes < size) return;
        try
        {
            AppContext.SetData("GCHeapHardLimit", size);
            GC.RefreshMemoryLimit();
        }
        catch (InvalidOperationException)
        {
            // More than that is in use already; the sandbox's own limit holds.
        }
    }
}
