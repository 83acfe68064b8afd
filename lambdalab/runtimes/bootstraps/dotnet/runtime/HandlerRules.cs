using System;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace LambdaRuntime;

/// Which methods AWS takes for handlers, and its words for the others.
static class HandlerRules
{
    public const string ContextType = "Amazon.Lambda.Core.ILambdaContext";

    public static void Check(MethodInfo method, Type type)
    {
        var parameters = method.GetParameters();
        if (type.IsGenericTypeDefinition)
            throw Handler.Refused($"The type '{type}' cannot be used as a Lambda Handler type because it is generic. Handler methods cannot be located in generic types. Please specify a handler method in a non-generic type.");
        if (method.IsAbstract)
            throw Handler.Refused($"The method '{method}' cannot be used as a Lambda Handler because it is an abstract method. Handler methods cannot be abstract. Please specify a non-abstract handler method.");
        if (type.IsAbstract && !method.IsStatic)
            throw Handler.Refused($"The instance method '{method}' cannot be used as a Lambda Handler because its type '{type}' is abstract. Please either use a static handler or specify a type that is not abstract.");
        if (method.IsGenericMethodDefinition)
            throw Handler.Refused($"The method '{method}' cannot be used as a Lambda Handler because it is a generic method. Handler methods cannot be generic. Please specify a non-generic handler method.");
        if (method.ReturnType == typeof(void) && method.IsDefined(typeof(AsyncStateMachineAttribute), false))
            throw Handler.Refused($"The method '{method}' cannot be used as a Lambda Handler because it is an 'async void' method. Handler methods cannot be 'async void'. Please specify a method that is not 'async void'.");
        if (parameters.Length > 0 && parameters[^1].IsDefined(typeof(ParamArrayAttribute), false))
            throw Handler.Refused($"The method '{method}' cannot be used as a Lambda Handler because it is a 'params' method. Please specify a method that does not use 'params'.");
        if (parameters.Length > 2)
            throw Handler.Refused($"Method '{method.Name}' of type '{type.FullName}' is not supported: the method has more than 2 parameters.");
        if (parameters.Length == 2 && parameters[1].ParameterType.FullName != ContextType)
            throw Handler.Refused($"Method '{method.Name}' of type '{type.FullName}' is not supported: the method has 2 parameters, but the second parameter is not of type '{ContextType}'.");
    }
}
