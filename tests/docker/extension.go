// An extension of a program alone: it says what it hears, and where it listens for telemetry, what kinds it gets.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

var api = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")
var me string

func call(method, path string, body any) (int, []byte) {
	content, _ := json.Marshal(body)
	request, _ := http.NewRequest(method, api+path, bytes.NewReader(content))
	request.Header.Set("Lambda-Extension-Name", "one")
	request.Header.Set("Lambda-Extension-Identifier", me)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println("one failed", err)
		os.Exit(9)
	}
	defer answer.Body.Close()
	if given := answer.Header.Get("Lambda-Extension-Identifier"); given != "" {
		me = given
	}
	said, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, said
}

func listen() {
	http.ListenAndServe("sandbox.localdomain:8080", http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		var events []struct{ Type string }
		json.NewDecoder(request.Body).Decode(&events)
		for _, event := range events {
			fmt.Println("one told", event.Type)
		}
	}))
}

func main() {
	directory, _ := os.Getwd()
	_, root := os.LookupEnv("LAMBDA_TASK_ROOT")
	_, handler := os.LookupEnv("_HANDLER")
	fmt.Println("one in", os.Getuid(), directory, root, handler, os.Getenv("COLOUR"))
	go listen()
	call("POST", "/2020-01-01/extension/register", map[string]any{"events": []string{"INVOKE", "SHUTDOWN"}})
	if os.Getenv("COLOUR") == "black" {
		os.Exit(5)
	}
	status, _ := call("PUT", "/2022-07-01/telemetry", map[string]any{
		"schemaVersion": "2022-12-13", "types": []string{"platform"},
		"buffering":   map[string]int{"timeoutMs": 25, "maxItems": 1000},
		"destination": map[string]string{"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080"},
	})
	fmt.Println("one subscribed", status)
	for {
		_, event := call("GET", "/2020-01-01/extension/event/next", nil)
		fmt.Printf("one event %s\n", event)
		if bytes.Contains(event, []byte("SHUTDOWN")) {
			time.Sleep(100 * time.Millisecond)
			return
		}
	}
}
