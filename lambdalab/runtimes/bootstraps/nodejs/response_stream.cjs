'use strict';
/** The stream that a streaming handler writes to: each part is a chunk of the POST of its invocation's response. */

const { Writable } = require('stream');
const { failure } = require('./errors.cjs');

const DEFAULT_TYPE = 'application/octet-stream';

class ResponseStream extends Writable {
  constructor(api, id, highWaterMark) {
    super(highWaterMark ? { highWaterMark } : {});
    this._api = api;
    this._id = id;
    this._contentType = DEFAULT_TYPE;
    this._socket = null;
    this._written = false;
    /** Settles when the region has the whole response. */
    this.finished = new Promise((resolve) => this.once('finish', resolve));
    /** Fails when the function destroyed the stream with an error. */
    this.broken = new Promise((_, reject) => this.once('error', reject));
    this.broken.catch(() => {});
  }

  /** The response's type; only before the first part. */
  setContentType(type) {
    if (this._written) {
      throw failure('InvalidStreamingOperation', 'Cannot set content-type, too late.');
    }
    this._contentType = String(type).replace(/[\r\n]/g, ' ');
  }

  /** A string or bytes; of anything else its JSON. */
  write(part, encoding, callback) {
    if (!this._written) {
      this._written = true;
      if (typeof this._onBeforeFirstWrite === 'function') {
        this._onBeforeFirstWrite((head) => super.write(head));
      }
    }
    const plain = typeof part === 'string' || part instanceof Uint8Array;
    return super.write(plain ? part : JSON.stringify(part), encoding, callback);
  }

  end(part, encoding, callback) {
    if (part !== undefined && part !== null && typeof part !== 'function') {
      this.write(part, typeof encoding === 'string' ? encoding : undefined);
      return super.end(typeof encoding === 'function' ? encoding : callback);
    }
    return super.end(part, encoding, callback);
  }

  _write(bytes, _encoding, callback) {
    if (bytes.length === 0) {
      callback(); // an empty chunk would be the last
      return;
    }
    const socket = this._opened();
    socket.cork();
    socket.write(`${bytes.length.toString(16)}\r\n`);
    socket.write(bytes);
    socket.write('\r\n', callback);
    socket.uncork();
  }

  _final(callback) {
    this._opened();
    this._api.endParts().then(() => callback(), callback);
  }

  /** End the response with an error: by itself while nothing is sent, else in the trailers. */
  async fail(document) {
    this.on('error', () => {});
    if (this.writableEnded && !this.destroyed) {
      await this.finished; // its last part is on its way: too late to make an error of it
    } else if (this._socket === null) {
      this.destroy();
      await this._api.fail(this._id, document);
    } else {
      await this._flushed();
      this.destroy();
      await this._api.endParts(document);
    }
  }

  _flushed() {
    return new Promise((resolve) => (this.destroyed ? resolve() : super.write('', resolve)));
  }

  _opened() {
    if (this._socket === null) {
      this._socket = this._api.respondInParts(this._id, this._contentType);
    }
    return this._socket;
  }
}

module.exports = { ResponseStream };
