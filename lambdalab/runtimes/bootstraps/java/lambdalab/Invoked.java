package lambdalab;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** The context of one invocation. */
final class Invoked implements Context {
    private final Map<String, String> headers;
    private final Log log;
    private final Map<?, ?> client;
    private final Map<?, ?> identity;

    Invoked(RuntimeApi.Invocation event, Log log) {
        this.headers = event.headers;
        this.log = log;
        this.client = document("lambda-runtime-client-context");
        this.identity = document("lambda-runtime-cognito-identity");
    }

    private Map<?, ?> document(String header) {
        String text = headers.get(header);
        Object found = text == null || text.isEmpty() ? null : Json.read(text);
        return found instanceof Map ? (Map<?, ?>) found : null;
    }

    @Override
    public String getAwsRequestId() {
        return headers.get("lambda-runtime-aws-request-id");
    }

    @Override
    public String getLogGroupName() {
        return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
    }

    @Override
    public String getLogStreamName() {
        return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
    }

    @Override
    public String getFunctionName() {
        return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
    }

    @Override
    public String getFunctionVersion() {
        return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
    }

    @Override
    public String getInvokedFunctionArn() {
        return headers.get("lambda-runtime-invoked-function-arn");
    }

    @Override
    public int getRemainingTimeInMillis() {
        return (int) Math.max(0, Long.parseLong(headers.get("lambda-runtime-deadline-ms")) - System.currentTimeMillis());
    }

    @Override
    public int getMemoryLimitInMB() {
        return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
    }

    @Override
    public LambdaLogger getLogger() {
        return log;
    }

    @Override
    public String getTenantId() {
        return headers.get("lambda-runtime-aws-tenant-id");
    }

    @Override
    public String getXrayTraceId() {
        return headers.get("lambda-runtime-trace-id");
    }

    @Override
    public CognitoIdentity getIdentity() {
        return new CognitoIdentity() {
            @Override
            public String getIdentityId() {
                return text(identity, "cognitoIdentityId");
            }

            @Override
            public String getIdentityPoolId() {
                return text(identity, "cognitoIdentityPoolId");
            }
        };
    }

    @Override
    public ClientContext getClientContext() {
        return client == null ? null : new ClientContext() {
            @Override
            public Client getClient() {
                return client.get("client") instanceof Map ? application((Map<?, ?>) client.get("client")) : null;
            }

            @Override
            public Map<String, String> getCustom() {
                return texts(client.get("custom"));
            }

            @Override
            public Map<String, String> getEnvironment() {
                return texts(client.get("env"));
            }
        };
    }

    private static Client application(Map<?, ?> members) {
        return new Client() {
            @Override
            public String getInstallationId() {
                return text(members, "installation_id");
            }

            @Override
            public String getAppTitle() {
                return text(members, "app_title");
            }

            @Override
            public String getAppVersionName() {
                return text(members, "app_version_name");
            }

            @Override
            public String getAppVersionCode() {
                return text(members, "app_version_code");
            }

            @Override
            public String getAppPackageName() {
                return text(members, "app_package_name");
            }
        };
    }

    private static String text(Map<?, ?> members, String name) {
        return members == null || members.get(name) == null ? "" : members.get(name).toString();
    }

    private static Map<String, String> texts(Object members) {
        if (!(members instanceof Map)) return Collections.emptyMap();
        Map<String, String> found = new LinkedHashMap<>();
        for (Map.Entry<?, ?> one : ((Map<?, ?>) members).entrySet()) {
            Object value = one.getValue();
            found.put(one.getKey().toString(), value == null || value instanceof String ? (String) value : Json.write(value));
        }
        return found;
    }
}
