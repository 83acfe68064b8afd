// The usual serializer, for packages that do not bring Amazon.Lambda.Serialization.SystemTextJson of NuGet.
using System;
using System.IO;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Amazon.Lambda.Core;

[assembly: AssemblyVersion("1.0.0.0")]

namespace Amazon.Lambda.Serialization.SystemTextJson;

/// <summary>System.Text.Json with names in any case, nulls left out of answers, and bytes as base64.</summary>
public class DefaultLambdaJsonSerializer : ILambdaSerializer
{
    protected JsonSerializerOptions SerializerOptions { get; } = new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        PropertyNameCaseInsensitive = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public DefaultLambdaJsonSerializer() { }

    public DefaultLambdaJsonSerializer(Action<JsonSerializerOptions> customizer) => customizer(SerializerOptions);

    public T Deserialize<T>(Stream requestStream)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(requestStream, SerializerOptions)!;
        }
        catch (Exception error)
        {
            throw new JsonSerializerException($"Error converting the Lambda event JSON payload to type {typeof(T).FullName}: {error.Message}", error);
        }
    }

    public void Serialize<T>(T response, Stream responseStream)
    {
        try
        {
            JsonSerializer.Serialize(responseStream, response, SerializerOptions);
        }
        catch (Exception error)
        {
            throw new JsonSerializerException($"Error converting the response object of type {typeof(T).FullName} from the Lambda function to JSON: {error.Message}", error);
        }
    }
}

/// <summary>The same, writing names like <c>thisName</c>.</summary>
public class CamelCaseLambdaJsonSerializer : DefaultLambdaJsonSerializer
{
    public CamelCaseLambdaJsonSerializer() : base(options => options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase) { }
}

public class JsonSerializerException : Exception
{
    public JsonSerializerException(string message, Exception inner) : base(message, inner) { }
}
