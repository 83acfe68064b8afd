using System;
using System.IO;
using System.Reflection;
using System.Threading.Tasks;

namespace LambdaRuntime;

/// How a handler's event is read and its result written: streams as they are, anything else by the function's serializer.
sealed class Values
{
    const string SerializerInterface = "Amazon.Lambda.Core.ILambdaSerializer";

    public bool OnlyContext { get; private init; }
    object? serializer;
    MethodInfo? deserialize, serialize;
    PropertyInfo? taskResult;

    public static Values Of(MethodInfo handler, object? serializer, string assembly)
    {
        var parameters = handler.GetParameters();
        var onlyContext = parameters.Length == 1 && parameters[0].ParameterType.FullName == HandlerRules.ContextType;
        var values = new Values { OnlyContext = onlyContext, serializer = serializer };
        var input = parameters.Length == 0 || onlyContext ? null : parameters[0].ParameterType;
        if (input is not null && input != typeof(Stream))
            values.deserialize = values.Method("Deserialize", input, assembly, handler, "deserialize input");
        var output = handler.ReturnType;
        if (output.IsGenericType && typeof(Task).IsAssignableFrom(output))
        {
            values.taskResult = output.GetProperty("Result");
            output = output.GetGenericArguments()[0];
        }
        if (output != typeof(void) && output != typeof(Task) && !typeof(Stream).IsAssignableFrom(output))
            values.serialize = values.Method("Serialize", output, assembly, handler, "serialize output");
        return values;
    }

    MethodInfo Method(string name, Type type, string assembly, MethodInfo handler, string doing)
    {
        if (serializer is null)
            throw Handler.Refused($"Could not find the LambdaSerializerAttribute on the assembly '{assembly}' or method '{handler.Name}' while attempting to {doing} data of type '{type.FullName}'. To use types other than System.IO.Stream as input/output parameters, the assembly or Lambda function should be annotated with Amazon.Lambda.Core.LambdaSerializerAttribute.");
        var declared = serializer.GetType().GetInterface(SerializerInterface)
            ?? throw Handler.Refused($"The '{serializer.GetType().FullName}' class is invalid: it does not implement the 'ILambdaSerializer' interface.");
        return declared.GetMethod(name)!.MakeGenericMethod(type);
    }

    public object? Read(Invocation invocation)
    {
        var stream = new MemoryStream(invocation.Buffer, invocation.Start, invocation.Length, writable: false, publiclyVisible: true);
        return deserialize is null ? stream : deserialize.Invoke(serializer, BindingFlags.DoNotWrapExceptions, null, new object[] { stream }, null);
    }

    public object? ResultOf(Task task) => taskResult?.GetValue(task);

    public ArraySegment<byte> Write(object? result)
    {
        var written = new MemoryStream();
        if (serialize is not null)
            serialize.Invoke(serializer, BindingFlags.DoNotWrapExceptions, null, new[] { result, written }, null);
        else if (result is Stream stream)
            using (stream)
                stream.CopyTo(written);
        return new ArraySegment<byte>(written.GetBuffer(), 0, (int)written.Length);
    }
}
