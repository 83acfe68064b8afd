using System;
using System.Collections.Generic;
using System.Reflection;
using System.Threading.Tasks;

namespace LambdaRuntime;

/// SnapStart's side of a start: the hooks before the snapshot, the wait for its restore, the hooks after it.
static class Snapshot
{
    const string Core = "Amazon.Lambda.Core";

    public static bool IsWanted => Environment.GetEnvironmentVariable("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start";

    /// Returns whether the process may serve; the Runtime API has been told why not.
    public static bool Passed(RuntimeApi api)
    {
        var before = Registered("CopyBeforeSnapshotCallbacksToRegistry");
        before.Reverse();
        if (!Ran(before, error => api.InitFailed(Failure.Document(error), "Runtime.BeforeSnapshotError"))) return false;
        api.AwaitRestore();
        var after = Registered("CopyAfterRestoreCallbacksToRegistry");
        return Ran(after, error => api.RestoreFailed(Failure.Document(error), "Runtime.AfterRestoreError"));
    }

    static bool Ran(List<Func<ValueTask>> hooks, Action<Exception> report)
    {
        try
        {
            foreach (var hook in hooks) hook().AsTask().GetAwaiter().GetResult();
            return true;
        }
        catch (Exception error)
        {
            Log.Unhandled(error);
            report(error);
            return false;
        }
    }

    /// What the function registered in its Amazon.Lambda.Core, ours or NuGet's: both give it to the runtime by this method.
    static List<Func<ValueTask>> Registered(string method)
    {
        var found = new List<Func<ValueTask>>();
        foreach (var assembly in AppDomain.CurrentDomain.GetAssemblies())
        {
            if (assembly.GetName().Name != Core) continue;
            var copy = assembly.GetType(Core + ".SnapshotRestore")?.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic);
            copy?.Invoke(null, new object[] { (Action<Func<ValueTask>>)found.Add });
        }
        return found;
    }
}
