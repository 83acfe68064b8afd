using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace LambdaRuntime;

/// A message with places for values: "{count} of {product:N2}", by order, or by number where all names are numbers.
/// `{@name}` asks for the value as JSON.
sealed class Template
{
    readonly List<(string Name, object? Value, string? Format, bool AsJson)> properties = new();

    public string Filled { get; }

    public Template(string text, object[] values)
    {
        var filled = new StringBuilder();
        var order = 0;
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] is '{' or '}' && at + 1 < text.Length && text[at + 1] == text[at])
            {
                filled.Append(text[at++]);
                continue;
            }
            var end = text[at] == '{' ? text.IndexOf('}', at) : -1;
            if (end < 0)
            {
                filled.Append(text[at]);
                continue;
            }
            var (name, format, asJson) = Parts(text[(at + 1)..end]);
            var index = int.TryParse(name, out var number) ? number : order++;
            if (index >= 0 && index < values.Length)
            {
                properties.Add((name, values[index], format, asJson));
                filled.Append(Shown(values[index], format, asJson));
            }
            else
            {
                filled.Append(text, at, end + 1 - at);
            }
            at = end;
        }
        Filled = filled.ToString();
    }

    static (string, string?, bool) Parts(string inside)
    {
        var colon = inside.IndexOf(':');
        var name = (colon < 0 ? inside : inside[..colon]).Trim();
        return (name.TrimStart('@'), colon < 0 ? null : inside[(colon + 1)..], name.StartsWith('@'));
    }

    static string Shown(object? value, string? format, bool asJson)
    {
        if (value is null) return "{null}";
        if (asJson) return JsonSerializer.Serialize(value, value.GetType());
        return value is IFormattable formattable ? formattable.ToString(format, CultureInfo.InvariantCulture) : value.ToString() ?? "";
    }

    /// The values beside the message, by their names.
    public void WriteProperties(Utf8JsonWriter json)
    {
        foreach (var (name, value, format, _) in properties)
        {
            if (value is null) continue;
            json.WritePropertyName(name);
            if (format is not null || value is DateTime or DateTimeOffset or DateOnly or TimeOnly) json.WriteStringValue(Shown(value, format, false));
            else JsonSerializer.Serialize(json, value, value.GetType());
        }
    }
}
