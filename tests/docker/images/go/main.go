// A function that brings its own Runtime API client: it returns its event, its arguments and its directory.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type answer struct {
	Event     json.RawMessage `json:"event"`
	Arguments []string        `json:"arguments"`
	Directory string          `json:"directory"`
	Id        string          `json:"id"`
}

func handle(ctx context.Context, event json.RawMessage) (answer, error) {
	var asked struct{ Fail string }
	_ = json.Unmarshal(event, &asked)
	if asked.Fail != "" {
		return answer{}, errors.New(asked.Fail)
	}
	directory, _ := os.Getwd()
	known, _ := lambdacontext.FromContext(ctx)
	return answer{event, os.Args, directory, known.AwsRequestID}, nil
}

func main() { lambda.Start(handle) }
