#!/bin/sh
# AWS's basics with the real command line, as AWS's documentation writes them; what comes back is checked.
#
#     eval "$(lambdalab env)"; sh tests/acceptance/seed_commands.sh
#
# Needs `aws`, and `zip` or `python3` for the packages. Each command stands as it is documented; ids come from the
# commands before, and the last line of a command, --query, only picks what is looked at. The region must have no
# function `my-function` yet; what is made for Lambda is deleted at the end. Commands and assertions are counted as
# they run, and the last line says how many passed. The first thing that is wrong ends the script with status 1.
set -eu

complain() {
    printf 'seed_commands.sh: %s\n' "$*" >&2
    exit 1
}

command -v aws >/dev/null || complain 'no aws command line: pip install awscli'
case "${AWS_ENDPOINT_URL-}" in
http://127.0.0.1:* | http://localhost:*) ;; # never a real account
*) complain "AWS_ENDPOINT_URL is '${AWS_ENDPOINT_URL-}', not a region on this machine: eval \"\$(lambdalab env)\" first" ;;
esac
export AWS_PAGER=
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
trap 'exit 1' INT TERM
cd "$directory"

commands=0 assertions=0 last=

# The real `aws`, counted. Its text answer, one line with blanks for tabs, becomes $answer; its stderr stays visible.
aws() {
    commands=$((commands + 1)) last="aws $*"
    rm -f out.json # of an earlier call
    command aws "$@" >answer || complain "this command failed: $last"
    answer=$(tr '\t\n' '  ' <answer)
    answer=${answer% }
}

# expect WHAT WANTED [FOUND]: FOUND is the last answer unless it is given.
expect() {
    found=${3-$answer}
    [ "$found" = "$2" ] || complain "$1: expected '$2', found '$found', after: $last"
    assertions=$((assertions + 1))
}

# differ WHAT UNWANTED [FOUND]
differ() {
    found=${3-$answer}
    [ "$found" != "$2" ] || complain "$1: expected anything but '$2', after: $last"
    assertions=$((assertions + 1))
}

# contain WHAT WANTED FOUND
contain() {
    case "$3" in
    *"$2"*) ;;
    *) complain "$1: expected '$2' in '$3', after: $last" ;;
    esac
    assertions=$((assertions + 1))
}

# lack WHAT UNWANTED FOUND
lack() {
    case "$3" in
    *"$2"*) complain "$1: expected no '$2' in '$3', after: $last" ;;
    esac
    assertions=$((assertions + 1))
}

# pack ARCHIVE PATH: a new zip of a file or a directory.
pack() {
    rm -f "$1"
    if command -v zip >/dev/null; then zip -q -r -X "$1" "$2"; else python3 -m zipfile -c "$1" "$2"; fi
}

# code VALUE: function.zip with a handler that returns VALUE, an expression.
code() {
    printf 'import os\n\n\ndef handler(event, context):\n    return %s\n' "$1" >app.py
    pack function.zip app.py
}

# layer WORD: layer.zip with a module `shared` that says WORD.
layer() {
    mkdir -p python
    printf 'WORD = "%s"\n' "$1" >python/shared.py
    pack layer.zip python
}

function=arn:aws:lambda:${AWS_DEFAULT_REGION:-us-east-1}:123456789012:function:my-function
shared=arn:aws:lambda:${AWS_DEFAULT_REGION:-us-east-1}:123456789012:layer:my-layer

# -- a function

code '"first"'
aws lambda create-function --function-name my-function --runtime python3.12 --role arn:aws:iam::123456789012:role/lambda-role --handler app.handler --zip-file fileb://function.zip --timeout 30 --memory-size 256 \
    --query '[FunctionArn,State,Runtime,Role,Handler,Timeout,MemorySize,Version]' --output text
expect 'a new function' "$function Pending python3.12 arn:aws:iam::123456789012:role/lambda-role app.handler 30 256 \$LATEST"
aws lambda wait function-active-v2 --function-name my-function
aws lambda get-function --function-name my-function \
    --query '[Configuration.State,Configuration.LastUpdateStatus,Code.RepositoryType,Configuration.CodeSha256]' --output text
first_code=${answer##* }
expect 'the function after the wait' "Active Successful S3 $first_code"

aws lambda invoke --function-name my-function out.json \
    --query '[StatusCode,ExecutedVersion,FunctionError]' --output text
expect 'a call' '200 $LATEST None'
expect 'the result of a call' '"first"' "$(cat out.json)"
aws lambda invoke --function-name my-function --log-type Tail out.json \
    --query LogResult --output text
contain 'the log of a call' 'REPORT RequestId: ' "$(printf %s "$answer" | base64 --decode)"

# -- versions

aws lambda publish-version --function-name my-function \
    --query '[FunctionArn,Version,CodeSha256]' --output text
expect 'the first version' "$function:1 1 $first_code"
aws lambda wait published-version-active --function-name my-function --qualifier 1

code '"second"'
aws lambda update-function-code --function-name my-function --zip-file fileb://function.zip \
    --query '[Version,LastUpdateStatus,CodeSha256]' --output text
second_code=${answer##* }
expect 'an update of the code' "\$LATEST InProgress $second_code"
differ 'the hash of other code' "$first_code" "$second_code"
aws lambda wait function-updated-v2 --function-name my-function
aws lambda invoke --function-name my-function out.json \
    --query ExecutedVersion --output text
expect 'the result of the new code' '"second"' "$(cat out.json)"

aws lambda publish-version --function-name my-function --description 'second cut' \
    --query '[FunctionArn,Version,Description,CodeSha256]' --output text
expect 'the second version' "$function:2 2 second cut $second_code"
aws lambda wait published-version-active --function-name my-function --qualifier 2
aws lambda publish-version --function-name my-function \
    --query '[Version,Description]' --output text
expect 'publishing what is published' '2 second cut'
aws lambda list-versions-by-function --function-name my-function \
    --query 'Versions[].Version' --output text
expect 'the versions' '$LATEST 1 2'
aws lambda invoke --function-name my-function:1 out.json \
    --query ExecutedVersion --output text
expect 'a call of a version' '1'
expect 'a version keeps its code' '"first"' "$(cat out.json)"

# -- aliases

aws lambda create-alias --function-name my-function --name production --function-version 1 --description 'what people use' \
    --query '[AliasArn,Name,FunctionVersion,Description,RoutingConfig]' --output text
expect 'a new alias' "$function:production production 1 what people use None"
aws lambda invoke --function-name my-function --qualifier production out.json \
    --query ExecutedVersion --output text
expect 'a call of the alias' '1'

aws lambda update-alias --function-name my-function --name production --routing-config AdditionalVersionWeights={"2"=0.1} \
    --query '[FunctionVersion,RoutingConfig.AdditionalVersionWeights."2"]' --output text
expect 'a tenth of the calls to version 2' '1 0.1'
aws lambda update-alias --function-name my-function --name production --routing-config '{"AdditionalVersionWeights":{"2":1.0}}' \
    --query '[FunctionVersion,RoutingConfig.AdditionalVersionWeights."2"]' --output text
expect 'all of the calls to version 2' '1 1.0'
aws lambda invoke --function-name my-function --qualifier production out.json \
    --query ExecutedVersion --output text
expect 'a call goes where the weight says' '2'
expect 'the result of a routed call' '"second"' "$(cat out.json)"
aws lambda update-alias --function-name my-function --name production --function-version 2 --routing-config AdditionalVersionWeights={} \
    --query '[FunctionVersion,Description,RoutingConfig]' --output text
expect 'the shift is complete' '2 what people use None'
aws lambda get-alias --function-name my-function --name production \
    --query '[AliasArn,FunctionVersion,RoutingConfig]' --output text
expect 'the alias afterwards' "$function:production 2 None"
aws lambda list-aliases --function-name my-function \
    --query 'Aliases[].[Name,FunctionVersion]' --output text
expect 'the aliases' 'production 2'

# -- layers: a new version changes nothing until the function is updated

layer one
aws lambda publish-layer-version --layer-name my-layer --description 'shared by many' --license-info MIT --zip-file fileb://layer.zip --compatible-runtimes python3.12 python3.13 \
    --query '[LayerVersionArn,LayerArn,Version,LicenseInfo,CompatibleRuntimes[0],CompatibleRuntimes[1]]' --output text
layer_one=${answer%% *} number_one=${answer%% MIT*}
number_one=${number_one##* }
expect 'a new layer' "$shared:$number_one $shared $number_one MIT python3.12 python3.13"

code '[__import__("shared").WORD, os.environ.get("STAGE"), os.environ.get("TABLE")]'
aws lambda update-function-code --function-name my-function --zip-file fileb://function.zip \
    --query LastUpdateStatus --output text
expect 'code that needs the layer' 'InProgress'
aws lambda wait function-updated-v2 --function-name my-function
aws lambda invoke --function-name my-function out.json \
    --query FunctionError --output text
expect 'a call without the layer' 'Unhandled'
contain 'the error without the layer' "No module named 'shared'" "$(cat out.json)"

aws lambda update-function-configuration --function-name my-function --layers "$layer_one" \
    --query '[LastUpdateStatus,Layers[].Arn|[0]]' --output text
expect 'the layer is the function'\''s' "InProgress $layer_one"
aws lambda wait function-updated-v2 --function-name my-function
aws lambda invoke --function-name my-function out.json \
    --query FunctionError --output text
expect 'a call with the layer' 'None'
expect 'what the layer says' '["one", null, null]' "$(cat out.json)"

layer two
aws lambda publish-layer-version --layer-name my-layer --description 'shared by many' --license-info MIT --zip-file fileb://layer.zip --compatible-runtimes python3.12 python3.13 \
    --query '[LayerVersionArn,Version]' --output text
layer_two=${answer%% *} number_two=$((number_one + 1))
expect 'the next version of the layer' "$shared:$number_two $number_two"
aws lambda list-layer-versions --layer-name my-layer \
    --query 'LayerVersions[:2].Version' --output text
expect 'the layer'\''s versions, newest first' "$number_two $number_one"
aws lambda get-function-configuration --function-name my-function \
    --query 'Layers[].Arn' --output text
expect 'the function has the layer version it was given' "$layer_one"
aws lambda invoke --function-name my-function out.json \
    --query FunctionError --output text
expect 'the gotcha: a warm environment has the old layer' '["one", null, null]' "$(cat out.json)"
# Another setting makes new environments: these have the old layer too.
aws lambda update-function-configuration --function-name my-function --memory-size 512 \
    --query '[MemorySize,Layers[].Arn|[0]]' --output text
expect 'an update that names no layers' "512 $layer_one"
aws lambda wait function-updated-v2 --function-name my-function
aws lambda invoke --function-name my-function --log-type Tail out.json \
    --query LogResult --output text
contain 'the environment is new' 'Init Duration: ' "$(printf %s "$answer" | base64 --decode)"
expect 'the gotcha: a new environment has the old layer' '["one", null, null]' "$(cat out.json)"
aws lambda update-function-configuration --function-name my-function --layers "$layer_two" \
    --query 'Layers[].Arn' --output text
expect 'the function is updated' "$layer_two"
aws lambda wait function-updated-v2 --function-name my-function
aws lambda invoke --function-name my-function out.json \
    --query FunctionError --output text
expect 'the new layer is there once the function is updated' '["two", null, null]' "$(cat out.json)"

# -- configuration: environment variables, a key of KMS, a VPC

aws lambda update-function-configuration --function-name my-function --environment 'Variables={STAGE=dev,TABLE=orders}' \
    --query '[LastUpdateStatus,Environment.Variables.STAGE,Environment.Variables.TABLE]' --output text
expect 'the variables' 'InProgress dev orders'
aws lambda wait function-updated-v2 --function-name my-function
aws lambda invoke --function-name my-function out.json \
    --query FunctionError --output text
expect 'the function has its variables' '["two", "dev", "orders"]' "$(cat out.json)"

aws kms create-key --description 'for my-function' \
    --query 'KeyMetadata.Arn' --output text
key=$answer
aws lambda update-function-configuration --function-name my-function --kms-key-arn "$key" \
    --query '[LastUpdateStatus,KMSKeyArn]' --output text
expect 'the key of KMS' "InProgress $key"
aws lambda wait function-updated-v2 --function-name my-function
aws lambda get-function-configuration --function-name my-function \
    --query '[KMSKeyArn,Environment.Variables.STAGE,Environment.Variables.TABLE]' --output text
expect 'the variables are shown to who may use the key' "$key dev orders"
aws lambda invoke --function-name my-function out.json \
    --query FunctionError --output text
expect 'the function has its variables under the key' '["two", "dev", "orders"]' "$(cat out.json)"

aws ec2 create-vpc --cidr-block 10.0.0.0/16 \
    --query 'Vpc.VpcId' --output text
vpc=$answer
aws ec2 create-subnet --vpc-id "$vpc" --cidr-block 10.0.1.0/24 \
    --query 'Subnet.[VpcId,SubnetId]' --output text
subnet=${answer##* }
expect 'the subnet is the VPC'\''s' "$vpc $subnet"
aws ec2 create-security-group --group-name my-security-group --description 'for my-function' --vpc-id "$vpc" \
    --query GroupId --output text
group=$answer
aws lambda update-function-configuration --function-name my-function --vpc-config SubnetIds="$subnet",SecurityGroupIds="$group" \
    --query '[LastUpdateStatus,VpcConfig.VpcId,VpcConfig.SubnetIds[0],VpcConfig.SecurityGroupIds[0]]' --output text
expect 'the place in the VPC' "InProgress $vpc $subnet $group"
aws lambda wait function-updated-v2 --function-name my-function
aws lambda get-function-configuration --function-name my-function \
    --query '[State,LastUpdateStatus,VpcConfig.VpcId,MemorySize,Layers[].Arn|[0],KMSKeyArn]' --output text
expect 'all settings stand together' "Active Successful $vpc 512 $layer_two $key"
aws lambda invoke --function-name my-function out.json \
    --query FunctionError --output text
expect 'the function runs in its VPC' '["two", "dev", "orders"]' "$(cat out.json)"
aws lambda invoke --function-name my-function:2 out.json \
    --query ExecutedVersion --output text
expect 'what was published before is as it was' '"second"' "$(cat out.json)"

# -- concurrency

aws lambda put-function-concurrency --function-name my-function --reserved-concurrent-executions 100 \
    --query ReservedConcurrentExecutions --output text
expect 'what is reserved' '100'
aws lambda get-function-concurrency --function-name my-function \
    --query ReservedConcurrentExecutions --output text
expect 'what is kept reserved' '100'
aws lambda get-account-settings \
    --query 'AccountLimit.[ConcurrentExecutions,UnreservedConcurrentExecutions]' --output text
expect 'what is left to others' '1000 900'

aws lambda put-provisioned-concurrency-config --function-name my-function --qualifier production --provisioned-concurrent-executions 2 \
    --query '[RequestedProvisionedConcurrentExecutions,AllocatedProvisionedConcurrentExecutions,Status]' --output text
expect 'what is to be provisioned' '2 0 IN_PROGRESS'
# The command line has no waiter for this one; a try takes about half a second.
tries=0
while command aws lambda get-provisioned-concurrency-config --function-name my-function --qualifier production --query Status --output text | grep -q IN_PROGRESS; do
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || complain 'provisioned concurrency stays IN_PROGRESS'
done
aws lambda get-provisioned-concurrency-config --function-name my-function --qualifier production \
    --query '[RequestedProvisionedConcurrentExecutions,AllocatedProvisionedConcurrentExecutions,AvailableProvisionedConcurrentExecutions,Status]' --output text
expect 'what is provisioned' '2 2 2 READY'
aws lambda list-provisioned-concurrency-configs --function-name my-function \
    --query 'ProvisionedConcurrencyConfigs[].[FunctionArn,Status]' --output text
expect 'the function'\''s provisioned concurrency' "$function:production READY"
aws lambda invoke --function-name my-function --qualifier production --log-type Tail out.json \
    --query LogResult --output text
lack 'a provisioned environment is warm' 'Init Duration: ' "$(printf %s "$answer" | base64 --decode)"
expect 'the result of a provisioned call' '"second"' "$(cat out.json)"

# -- and away with it

aws lambda delete-provisioned-concurrency-config --function-name my-function --qualifier production
aws lambda delete-function-concurrency --function-name my-function
aws lambda delete-alias --function-name my-function --name production
aws lambda delete-function --function-name my-function
aws lambda delete-layer-version --layer-name my-layer --version-number "$number_one"
aws lambda delete-layer-version --layer-name my-layer --version-number "$number_two"
aws lambda list-functions \
    --query 'Functions[?FunctionName==`my-function`]' --output text
expect 'nothing is left' ''

printf '%s commands ran and %s assertions passed\n' "$commands" "$assertions"
