"""The contract's handlers in JavaScript."""

from tests.contract.languages import Language

SOURCE = """
const fs = require('fs');
const os = require('os');
let calls = 0;

exports.echo = async (event) => event;
exports.fails = async (event) => { throw new Error('no ' + event.what); };
exports.exits = async () => { process.exit(3); };
exports.crashes = async () => { process.kill(process.pid, 'SIGSEGV'); await new Promise((done) => setTimeout(done, 2000)); };
exports.hangs = async () => { await new Promise((done) => setTimeout(done, 60000)); };
exports.writes = async () => { process.stdout.write('written\\n'); return null; };
exports.big = async () => 'x'.repeat(6 * 1024 * 1024 + 200);
exports.waits = async () => { await new Promise((done) => setTimeout(done, 400)); return 'waited'; };
exports.counts = async () => { calls += 1; return calls; };

exports.hogs = async () => {
  const kept = [];
  for (let part = 0; part < 40; part += 1) {
    kept.push(Buffer.alloc(10000000, 'x'));
  }
  return kept.length;
};

exports.keeps = async () => {
  const path = os.tmpdir() + '/kept';
  const before = fs.existsSync(path);
  fs.writeFileSync(path, '');
  return before;
};

exports.environment = async () => ({ ...process.env });
exports.about = async (event, context) => ({
  id: context.awsRequestId, arn: context.invokedFunctionArn, memory: context.memoryLimitInMB,
  left: context.getRemainingTimeInMillis(), name: context.functionName,
});

exports.reads = async (event) => {
  const found = {};
  for (const path of event) {
    try {
      found[path] = fs.statSync(path).isDirectory() ? fs.readdirSync(path).length : fs.readFileSync(path).length;
    } catch (error) {
      found[path] = { EACCES: 'PermissionError', EPERM: 'PermissionError', ENOENT: 'FileNotFoundError' }[error.code] || error.code;
    }
  }
  return found;
};

exports.layered = async () => require('layer-library').SAYS;
"""


MODULES = {
    "app.js": SOURCE,
    "undeclared.js": "export const echo = async (event) => event;\n",
    "declared.mjs": "export const echo = async (event) => event;\n",
    "requires.js": "exports.echo = async (event) => require('./declared.mjs').echo(event);\n",
}


def package(directory, runtime):
    for name, source in MODULES.items():
        (directory / name).write_text(source)


def layer(directory, runtime):
    library = directory / "nodejs" / "node_modules" / "layer-library"
    library.mkdir(parents=True)
    (library / "index.js").write_text("exports.SAYS = 'from the layer';\n")


LANGUAGE = Language("nodejs", package, layer, lambda name: name if "." in name else f"app.{name}", "Error")
