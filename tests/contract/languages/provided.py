"""The contract's handlers for OS-only runtimes: a Go program for provided.al2023, a shell script for provided.al2."""

import shutil

from lambdalab.client.building import Source, build
from lambdalab.client.building.base import CompilerMissing
from lambdalab.client.cell import CellSource
from lambdalab.model import runtime as runtimes
from tests.contract.languages import Language, Missing

GO = """package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

var calls int
var kept [][]byte

type thing struct {
	What string `json:"what"`
}

func temporary() string {
	if named := os.Getenv("TMPDIR"); named != "" {
		return named
	}
	return "/tmp"
}

func word(path string) any {
	found, err := os.Stat(path)
	if err == nil && found.IsDir() {
		names, err := os.ReadDir(path)
		if err == nil {
			return len(names)
		}
		return say(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return say(err)
	}
	return len(data)
}

func say(err error) string {
	if errors.Is(err, os.ErrNotExist) {
		return "FileNotFoundError"
	}
	if errors.Is(err, os.ErrPermission) {
		return "PermissionError"
	}
	return err.Error()
}

var handlers = map[string]any{
	"echo":  func(event any) (any, error) { return event, nil },
	"fails": func(event thing) (any, error) { return nil, errors.New("no " + event.What) },
	"exits": func(event any) (any, error) { os.Exit(3); return nil, nil },
	"hangs": func(event any) (any, error) { time.Sleep(time.Minute); return nil, nil },
	"writes": func(event any) (any, error) { os.Stdout.WriteString("written\\n"); return nil, nil },
	"big":   func(event any) (any, error) { return strings.Repeat("x", 6*1024*1024+200), nil },
	"waits": func(event any) (any, error) { time.Sleep(400 * time.Millisecond); return "waited", nil },
	"counts": func(event any) (any, error) { calls++; return calls, nil },
	"hogs": func(event any) (any, error) {
		for range 40 {
			block := make([]byte, 10_000_000)
			for at := range block {
				block[at] = 'x'
			}
			kept = append(kept, block)
		}
		return len(kept), nil
	},
	"keeps": func(event any) (any, error) {
		path := filepath.Join(temporary(), "kept")
		_, err := os.Stat(path)
		os.WriteFile(path, nil, 0o644)
		return err == nil, nil
	},
	"environment": func(event any) (any, error) {
		found := map[string]string{}
		for _, pair := range os.Environ() {
			name, value, _ := strings.Cut(pair, "=")
			found[name] = value
		}
		return found, nil
	},
	"about": func(ctx context.Context, event any) (any, error) {
		mine, _ := lambdacontext.FromContext(ctx)
		until, _ := ctx.Deadline()
		return map[string]any{"id": mine.AwsRequestID, "arn": mine.InvokedFunctionArn,
			"memory": lambdacontext.MemoryLimitInMB, "name": lambdacontext.FunctionName,
			"left": time.Until(until).Milliseconds()}, nil
	},
	"reads": func(paths []string) (any, error) {
		found := map[string]any{}
		for _, path := range paths {
			found[path] = word(path)
		}
		return found, nil
	},
	"layered": func(event any) (any, error) {
		for _, directory := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
			if said, err := os.ReadFile(filepath.Join(directory, "says.txt")); err == nil {
				return strings.TrimSpace(string(said)), nil
			}
		}
		return nil, errors.New("no library")
	},
}

func main() {
	_ = syscall.SIGSEGV
	handler, known := handlers[os.Getenv("_HANDLER")]
	if !known {
		os.Exit(4)
	}
	lambda.Start(handler)
}
"""
SHELL = r"""#!/bin/sh
calls=0 temporary=${TMPDIR:-/tmp}
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
answer() { curl -sS -o "$temporary/answered" -H 'Expect:' --data-binary @- "$api/invocation/$id/response"; }
while :; do
  curl -sS -D "$temporary/head" -o "$temporary/event" "$api/invocation/next" || exit 1
  header() { tr -d '\r' <"$temporary/head" | sed -n "s/^$1: //Ip"; }
  id=$(header Lambda-Runtime-Aws-Request-Id)
  case $_HANDLER in
  echo) answer <"$temporary/event" ;;
  fails)
    what=$(sed 's/.*"what": *"\([^"]*\)".*/\1/' "$temporary/event")
    curl -sS -o "$temporary/answered" -H 'Lambda-Runtime-Function-Error-Type: Shell.Failed' \
      -d "{\"errorType\": \"Shell.Failed\", \"errorMessage\": \"no $what\"}" "$api/invocation/$id/error" ;;
  exits) exit 3 ;;
  crashes) kill -SEGV $$ ;;
  hangs) sleep 60 ;;
  writes) echo written; echo null | answer ;;
  big) { printf '"'; head -c 6291656 /dev/zero | tr '\0' x; printf '"'; } | answer ;;
  waits) sleep 0.4; printf '"waited"' | answer ;;
  counts) calls=$((calls + 1)); printf %s $calls | answer ;;
  keeps)
    if [ -e "$temporary/kept" ]; then said=true; else said=false; fi
    : >"$temporary/kept"; printf %s $said | answer ;;
  environment)
    { printf '{'; env | sed -n 's/\(["\\]\)/\\\1/g; s/^\([A-Za-z_]*\)=\(.*\)$/"\1": "\2",/p'; printf '"": ""}'; } | answer ;;
  about)
    left=$(($(header Lambda-Runtime-Deadline-Ms) - $(date +%s%3N)))
    echo "{\"id\": \"$id\", \"arn\": \"$(header Lambda-Runtime-Invoked-Function-Arn)\", \"left\": $left,
      \"memory\": \"$AWS_LAMBDA_FUNCTION_MEMORY_SIZE\", \"name\": \"$AWS_LAMBDA_FUNCTION_NAME\"}" | answer ;;
  layered) printf '"%s"' "$(from-the-layer)" | answer ;;
  *) echo "unknown handler $_HANDLER"; exit 4 ;;
  esac
done
"""


def package(directory, runtime):
    if runtime != "provided.al2023":
        if shutil.which("curl") is None:
            raise Missing("no curl on this machine")
        _write(directory / "bootstrap", SHELL.encode())
        return
    try:
        built = build(Source(GO, CellSource("the contract", GO, 1), runtimes.known()[runtime]))
    except CompilerMissing as why:
        raise Missing(str(why)) from why
    _write(directory / "bootstrap", built.files["bootstrap"])


def layer(directory, runtime):
    for name in ("lib", "bin"):
        (directory / name).mkdir()
    (directory / "lib" / "says.txt").write_text("from the layer")
    _write(directory / "bin" / "from-the-layer", b"#!/bin/sh\nprintf 'from the layer'\n")


def _write(path, content):
    path.write_bytes(content)
    path.chmod(0o755)


LANGUAGE = Language(
    "provided",
    package,
    layer,
    lambda name: name,
    {"provided.al2023": "errorString", "provided.al2": "Shell.Failed"},
    unable={
        "nothing": "what a custom runtime does with its handler is its own business",
        "provided.al2023:crashes": "Go's runtime makes a panic of the signal",
        "provided.al2023:survives": "aws-lambda-go ends its process when its answer is refused",
        "provided.al2:hogs": "a shell holds little memory of its own",
        "provided.al2:reads": "the shell script reads no paths",
    },
)
