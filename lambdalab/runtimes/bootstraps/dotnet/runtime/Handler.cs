using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Threading.Tasks;
using Amazon.Lambda.Core;

namespace LambdaRuntime;

/// A handler that AWS does not take; the words are AWS's.
sealed class LambdaValidationException : Exception
{
    public LambdaValidationException(string message) : base(message) { }
}

/// "ASSEMBLY::TYPE::METHOD": a method with at most an event and a context, which returns a value, a task or nothing.
sealed class Handler
{
    const string Core = "Amazon.Lambda.Core";
    const string SerializerAttribute = Core + ".LambdaSerializerAttribute";

    readonly MethodInfo method;
    readonly object? target;
    readonly ParameterInfo[] parameters;
    readonly Values values;

    Handler(MethodInfo method, object? target, Values values)
    {
        (this.method, this.target, this.values) = (method, target, values);
        parameters = method.GetParameters();
    }

    public static Handler Load(string name)
    {
        var (assembly, type, method) = Split(name);
        AppDomain.CurrentDomain.AssemblyLoad += (_, loaded) => TakeLogger(loaded.LoadedAssembly);
        var found = LoadAssembly(assembly);
        var holder = found.GetType(type) ?? throw Refused($"Unable to load type '{type}' from assembly '{assembly}'.");
        var handler = Find(holder, method, assembly);
        HandlerRules.Check(handler, holder);
        var target = handler.IsStatic ? null : Activator.CreateInstance(holder, BindingFlags.DoNotWrapExceptions | BindingFlags.Public | BindingFlags.Instance, null, null, null);
        return new Handler(handler, target, Values.Of(handler, Serializer(handler, found), assembly));
    }

    static (string, string, string) Split(string name)
    {
        const string form = "The valid format is 'ASSEMBLY::TYPE::METHOD'.";
        var parts = name.Split("::", 3);
        if (parts.Length != 3) throw Refused($"Invalid lambda function handler: '{name}'. {form}");
        var missing = new[] { "assembly", "type", "method" };
        for (var at = 0; at < 3; at++)
            if (string.IsNullOrWhiteSpace(parts[at]))
                throw Refused($"Invalid lambda function handler: '{name}', the {missing[at]} is missing. {form}");
        return (parts[0].Trim(), parts[1].Trim(), parts[2].Trim());
    }

    static Assembly LoadAssembly(string name)
    {
        try
        {
            return AssemblyLoadContext.Default.LoadFromAssemblyName(new AssemblyName(name));
        }
        catch (FileNotFoundException missing)
        {
            throw Refused($"Could not find the specified handler assembly with the file name '{missing.FileName}'. The assembly should be located in the root of your uploaded .zip file.");
        }
        catch (Exception)
        {
            throw Refused($"Unable to load assembly '{name}'.");
        }
    }

    /// By its name, or by its whole signature as .NET writes it.
    static MethodInfo Find(Type type, string name, string assembly)
    {
        const BindingFlags any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;
        var named = new List<MethodInfo>();
        var isSignature = name.Contains('(');
        foreach (var one in type.GetMethods(any))
        {
            if (isSignature && one.ToString() == name) return one;
            if (one.Name == name) named.Add(one);
        }
        if (named.Count == 1) return named[0];
        if (named.Count == 0)
            throw Refused($"Unable to find method '{name}' in type '{type.FullName}' from assembly '{assembly}': Found no methods matching method name '{name}'.");
        throw Refused($"The method '{name}' in type '{type.FullName}' appears to have a number of overloads. To call this method please specify a complete method signature. Possible candidates are:\n{string.Join("\n", named)}.");
    }

    static object? Serializer(MethodInfo method, Assembly assembly)
    {
        foreach (var data in new[] { method.GetCustomAttributesData(), assembly.GetCustomAttributesData() })
            foreach (var one in data)
                if (one.AttributeType.FullName == SerializerAttribute)
                    return Activator.CreateInstance((Type)one.ConstructorArguments[0].Value!);
        return null;
    }

    /// LambdaLogger.Log writes lines that have no level, unless one is given. The fields are those that AWS's runtime
    /// fills; an older Amazon.Lambda.Core has the first of them only.
    static void TakeLogger(Assembly loaded)
    {
        if (loaded.GetName().Name != Core || loaded.GetType(Core + ".LambdaLogger") is not { } logger) return;
        Put(logger, "_loggingAction", (Action<string>)(message => Log.Write(null, message)));
        Put(logger, "_loggingWithLevelAction", (Action<string, string, object[]>)((level, message, values) => Log.Write(level, message, values)));
        Put(logger, "_loggingWithLevelAndExceptionAction", (Action<string, Exception, string, object[]>)((level, error, message, values) => Log.Write(level, message, values, error)));
    }

    static void Put(Type type, string field, Delegate action) =>
        type.GetField(field, BindingFlags.NonPublic | BindingFlags.Static)?.SetValue(null, action);

    /// Call it. Returns the answer's bytes.
    public ArraySegment<byte> Call(Invocation invocation)
    {
        var arguments = new object?[parameters.Length];
        for (var at = 0; at < arguments.Length; at++)
            arguments[at] = at == 0 && !values.OnlyContext ? values.Read(invocation) : WithContext(invocation);
        var result = method.Invoke(target, BindingFlags.DoNotWrapExceptions, null, arguments, null);
        if (result is Task task)
        {
            task.GetAwaiter().GetResult();
            result = values.ResultOf(task);
        }
        return values.Write(result);
    }

    // Apart, so that functions without a context never load what its types are made of.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static object WithContext(Invocation invocation) => new Context(invocation);

    public static LambdaValidationException Refused(string message) => new(message);
}
