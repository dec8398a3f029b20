// Runs a TFJS graph model from disk with npm's TensorFlow.js, on its plain CPU backend:
//
//   node tfjs_referee.mjs NODE_MODULES MODEL_JSON REQUEST_JSON OUT_FOLDER
//
// REQUEST_JSON: {"inputs": {name: {"file", "shape", "dtype"}}, "outputs": [name, …], "whole": false}; the names are
// any of the graph's nodes, so that a part of a graph can be run; "whole" is for graphs with loops. Files hold raw little-endian values. Each output goes
// to OUT_FOLDER/<index>.bin, their shapes and dtypes to OUT_FOLDER/outputs.json.
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, resolve} from 'node:path';

const [modules, modelPath, requestPath, outFolder] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), 'referee.js'));
const tf = require('@tensorflow/tfjs-core');
require('@tensorflow/tfjs-backend-cpu');
const {loadGraphModel} = require('@tensorflow/tfjs-converter');

// An IOHandler on files: model.json and the weight shards beside it.
const fromDisk = {
  load: async () => {
    const json = JSON.parse(readFileSync(modelPath, 'utf8'));
    const shards = json.weightsManifest.flatMap(group => group.paths)
        .map(path => readFileSync(join(dirname(modelPath), path)));
    const all = Buffer.concat(shards);
    return {
      modelTopology: json.modelTopology,
      format: json.format,
      signature: json.signature,
      weightSpecs: json.weightsManifest.flatMap(group => group.weights),
      weightData: all.buffer.slice(all.byteOffset, all.byteOffset + all.byteLength),
    };
  },
};

const kinds = {float32: Float32Array, int32: Int32Array, bool: Uint8Array};  // all that TFJS has: no uint8

function read({file, shape, dtype}) {
  const bytes = readFileSync(file);
  const values = new kinds[dtype](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return tf.tensor(values, shape, dtype);
}

await tf.setBackend('cpu');
await tf.ready();
const model = await loadGraphModel(fromDisk);
const request = JSON.parse(readFileSync(requestPath, 'utf8'));
const inputs = Object.fromEntries(Object.entries(request.inputs).map(([name, of]) => [name, read(of)]));
const found = await (request.whole ? model.executeAsync(inputs, request.outputs) : model.execute(inputs, request.outputs));
const outputs = Array.isArray(found) ? found : [found];
writeFileSync(join(outFolder, 'outputs.json'), JSON.stringify(outputs.map((output, i) => {
  const values = kinds[output.dtype].from(output.dataSync());  // a cast may have kept the array of another kind
  writeFileSync(join(outFolder, `${i}.bin`), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return {name: request.outputs[i], shape: output.shape, dtype: output.dtype};
})));
