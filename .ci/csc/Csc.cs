// csc, the C# compiler's command line, over Roslyn's library: an SDK has this program, Roslyn's packages do not.
// Understands csc's own arguments and response files, as far as its parser does; prints what csc prints.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

static class Csc
{
    static int Main(string[] words)
    {
        var here = Directory.GetCurrentDirectory();
        var asked = CSharpCommandLineParser.Default.Parse(words, here, sdkDirectory: null);
        if (asked.DisplayVersion)
        {
            Console.WriteLine(typeof(CSharpCompilation).Assembly.GetName().Version);
            return 0;
        }
        if (Told(asked.Errors)) return 1;
        var trees = asked.SourceFiles.Select(file => Parsed(file.Path, asked)).ToList();
        var references = asked.MetadataReferences.Select(one => MetadataReference.CreateFromFile(Path.Combine(here, one.Reference)));
        var name = asked.CompilationName ?? Path.GetFileNameWithoutExtension(asked.OutputFileName);
        var options = asked.CompilationOptions.WithConcurrentBuild(false);
        if (asked.CompilationOptions.CryptoKeyFile is not null)
            options = options.WithStrongNameProvider(new DesktopStrongNameProvider());
        var compilation = CSharpCompilation.Create(name, trees, references, options);
        using var assembly = new MemoryStream();
        using var symbols = asked.EmitPdb && asked.EmitOptions.DebugInformationFormat != DebugInformationFormat.Embedded ? new MemoryStream() : null;
        var done = compilation.Emit(assembly, symbols, options: asked.EmitOptions);
        var failed = Told(done.Diagnostics.Where(one => !one.IsSuppressed && one.Severity >= DiagnosticSeverity.Warning));
        if (failed || !done.Success) return 1;
        var output = Path.Combine(asked.OutputDirectory, asked.OutputFileName ?? name + ".dll");
        File.WriteAllBytes(output, assembly.ToArray());
        if (symbols is not null) File.WriteAllBytes(Path.ChangeExtension(output, ".pdb"), symbols.ToArray());
        return 0;
    }

    static SyntaxTree Parsed(string path, CSharpCommandLineArguments asked)
    {
        var mapped = asked.PathMap.Where(pair => path.StartsWith(pair.Key)).Select(pair => pair.Value + path[pair.Key.Length..]);
        using var stream = File.OpenRead(path);
        var text = SourceText.From(stream, System.Text.Encoding.UTF8, asked.ChecksumAlgorithm, canBeEmbedded: true);
        return CSharpSyntaxTree.ParseText(text, asked.ParseOptions, mapped.FirstOrDefault() ?? path);
    }

    static bool Told(IEnumerable<Diagnostic> diagnostics)
    {
        var failed = false;
        foreach (var one in diagnostics)
        {
            Console.WriteLine(CSharpDiagnosticFormatter.Instance.Format(one));
            failed |= one.Severity == DiagnosticSeverity.Error;
        }
        return failed;
    }
}
