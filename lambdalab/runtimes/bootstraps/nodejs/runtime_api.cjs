'use strict';
/**
 * The Runtime API's client: one kept-alive connection, HTTP written by hand.
 *
 * The answer to an invocation and the poll for the next one leave in one write (HTTP pipelining), which saves a
 * round trip between two processes. They leave at the end of the event loop's turn, so that what goes wrong in
 * the same turn as the answer (a promise that nobody awaited, say) can still take the poll back.
 *
 * The connection keeps the process alive only while an answer is awaited: during an invocation an empty event
 * loop is the function's own.
 */

const net = require('net');

const API = '/2018-06-01/runtime';
const POLL = `GET ${API}/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n`;
const HEAD_END = '\r\n\r\n';
const ERROR_TYPE = 'Lambda-Runtime-Function-Error-Type';

class RuntimeApi {
  /** `address` is host:port. Connecting goes on while the function is loaded. */
  constructor(address) {
    const colon = address.lastIndexOf(':');
    this.answers = []; // what to do with the answers to come, in order
    this.unsent = []; // {text, poll}
    this.flushing = false;
    this.silent = false;
    this.allHeard = () => {};
    this.inParts = false; // a result has begun, and is not at its end
    this.polling = false; // a poll was sent, and waits for its event
    this.chunks = [];
    this.size = 0;
    this.wanted = 1;
    this.socket = net.connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk) => this.received(chunk));
    // The region is gone, or has given this environment up; there is nothing left to say it to.
    this.socket.on('error', () => process.exit(1));
    this.socket.on('close', () => process.exit(1));
    this.socket.unref();
  }

  /** The next event: {status, headers, body}, header names in lower case, the body as text. */
  next() {
    return this.ask(POLL, true);
  }

  /** Post an invocation's result, as JSON text. */
  respond(id, text) {
    return this.ask(post(`invocation/${encodeURIComponent(id)}/response`, text, ''), false);
  }

  /** Post an invocation's error, a document of `errors.cjs`. */
  fail(id, document) {
    return this.ask(post(`invocation/${encodeURIComponent(id)}/error`, JSON.stringify(document), typed(document)), false);
  }

  /** Post why init failed. */
  failInit(document) {
    return this.ask(post('init/error', JSON.stringify(document), typed(document)), false);
  }

  /** Begin a result that is sent in parts; the parts are written to what this returns, in HTTP's chunks. */
  respondInParts(id, contentType) {
    this.inParts = true;
    this.socket.write(
      `POST ${API}/invocation/${encodeURIComponent(id)}/response HTTP/1.1\r\nHost: runtime\r\n` +
        `Content-Type: ${contentType}\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n` +
        'Transfer-Encoding: chunked\r\n' +
        `Trailer: ${ERROR_TYPE}\r\nTrailer: Lambda-Runtime-Function-Error-Body\r\n\r\n`,
    );
    return this.socket;
  }

  /** The last chunk of a result in parts. With a document the result ends in an error, told in its trailers. */
  endParts(document) {
    this.inParts = false;
    const error = document && Buffer.from(JSON.stringify(document)).toString('base64');
    const trailers = document ? `${typed(document)}Lambda-Runtime-Function-Error-Body: ${error}\r\n` : '';
    return this.ask(`0\r\n${trailers}\r\n`, false);
  }

  /** Settles when the region has heard all that was said. */
  heard() {
    this.flush();
    return new Promise((resolve) => {
      this.allHeard = resolve;
      if (this.answers.length === 0) {
        resolve();
      }
    });
  }

  /** Say nothing more than what is said already: the function goes on until the process ends. */
  silence() {
    this.silent = true;
  }

  ask(text, poll) {
    return new Promise((resolve) => {
      if (this.silent) {
        return;
      }
      this.unsent.push({ text, poll, resolve });
      if (!this.flushing) {
        this.flushing = true;
        setImmediate(() => this.flush());
      }
    });
  }

  /** Take back a poll that has not been sent. */
  withdrawPolls() {
    this.unsent = this.unsent.filter((one) => !one.poll);
  }

  flush() {
    this.flushing = false;
    if (this.unsent.length === 0) {
      return;
    }
    const texts = this.unsent.map((one) => one.text);
    this.answers.push(...this.unsent.map((one) => one.resolve));
    this.polling = this.unsent.some((one) => one.poll);
    this.unsent = [];
    this.socket.ref();
    this.socket.write(texts.length === 1 ? texts[0] : texts.join(''));
  }

  /** Gather until what was asked for is whole: a large event comes in many parts, and is put together once. */
  received(chunk) {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < this.wanted) {
      return;
    }
    let bytes = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks, this.size);
    for (let answer = parsed(bytes); ; answer = parsed(bytes)) {
      if (answer.length === 0 || answer.length > bytes.length) {
        this.wanted = answer.length || bytes.length + 1;
        break;
      }
      bytes = bytes.subarray(answer.length);
      this.answered(answer);
    }
    this.chunks = bytes.length > 0 ? [bytes] : [];
    this.size = bytes.length;
  }

  answered(answer) {
    const resolve = this.answers.shift();
    if (this.answers.length === 0) {
      this.polling = false;
      this.socket.unref();
      this.allHeard();
    }
    resolve(answer);
  }
}

/** The first answer in `bytes`. Its `length` is 0 while its head is not whole; its body is read once it all is there. */
function parsed(bytes) {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) {
    return { length: 0 };
  }
  const [first, ...lines] = bytes.toString('utf8', 0, headEnd).split('\r\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const begin = headEnd + HEAD_END.length;
  const status = Number(first.split(' ')[1]);
  if (headers['transfer-encoding'] === 'chunked') {
    return { ...unchunked(bytes, begin), status, headers };
  }
  const length = begin + Number(headers['content-length'] || 0);
  const body = length <= bytes.length ? bytes.toString('utf8', begin, length) : '';
  return { length, status, headers, body };
}

/** A body in HTTP's chunks, in which AWS's own Runtime Interface Emulator hands out large events. */
function unchunked(bytes, begin) {
  const parts = [];
  for (let at = begin; ; ) {
    const line = bytes.indexOf('\r\n', at);
    const size = parseInt(bytes.toString('latin1', at, Math.max(line, at)), 16);
    const end = line + 2 + size + 2;
    if (line < 0 || end > bytes.length) {
      return { length: 0 };
    }
    if (size === 0) {
      return { length: end, body: Buffer.concat(parts).toString() };
    }
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = end;
  }
}

function post(path, text, headers) {
  return (
    `POST ${API}/${path} HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\n${headers}` +
    `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  );
}

/** The header with the error's type. A function may call its errors what it likes; a header may not. */
function typed(document) {
  return `${ERROR_TYPE}: ${String(document.errorType).replace(/[^\x20-\x7E]/g, '?').slice(0, 256)}\r\n`;
}

module.exports = { RuntimeApi };
