// How model.json, weights.bin and answers.json beside this file were made: a small net with random
// weights, as TensorFlow.js saves it, and what it answers to two pictures.
//
//     npm install @tensorflow/tfjs@4 && node make.mjs .
import * as tf from '@tensorflow/tfjs';
import { mkdirSync, writeFileSync } from 'node:fs';

const out = process.argv[2];
const random = seed => tf.initializers.heNormal({ seed });
const net = tf.sequential({ layers: [
  tf.layers.conv2d({ inputShape: [48, 48, 1], filters: 8, kernelSize: 3, strides: 2, padding: 'same',
                     useBias: false, kernelInitializer: random(1), name: 'first' }),
  tf.layers.batchNormalization({ name: 'norm' }),
  tf.layers.activation({ activation: 'relu' }),
  tf.layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', activation: 'relu',
                              depthwiseInitializer: random(2), name: 'depthwise' }),
  tf.layers.maxPooling2d({ poolSize: 4 }),
  tf.layers.flatten(),
  tf.layers.dense({ units: 7, activation: 'softmax', kernelInitializer: random(3), name: 'answer' }),
] });
// Statistics as after a training: not 0 and 1.
net.getLayer('norm').setWeights([tf.linspace(0.5, 1.5, 8), tf.linspace(-0.2, 0.2, 8),
                                 tf.linspace(-0.3, 0.3, 8), tf.linspace(0.5, 2, 8)]);

mkdirSync(out, { recursive: true });
await net.save(tf.io.withSaveHandler(async made => {
  writeFileSync(`${out}/weights.bin`, Buffer.from(made.weightData));
  const manifest = [{ paths: ['weights.bin'], weights: made.weightSpecs }];
  writeFileSync(`${out}/model.json`, JSON.stringify({
    modelTopology: made.modelTopology, format: made.format, generatedBy: made.generatedBy,
    convertedBy: null, weightsManifest: manifest }));
  return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
}));
const pixels = Float32Array.from({ length: 2 * 48 * 48 }, (_, i) => (i * 7919 % 251) / 250);
const answers = net.predict(tf.tensor4d(pixels, [2, 48, 48, 1]));
writeFileSync(`${out}/answers.json`, JSON.stringify(await answers.array()));
