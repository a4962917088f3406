#!/usr/bin/env python3
"""Makes ../fraud-model.json: gradient-boosted trees that know fraud from clean calls, trained on simulated traffic.

    dce fraud simulate FOLDER        # writes FOLDER/{training,validation}.{json,f32}
    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python fraud_model.py FOLDER

Training and validation are of other seeds; what docs/fraud.md says of the model is measured on yet others, whose parameters
are drawn from outside the ranges of both (`dce fraud evaluate`). Every pattern counts as much as every other, however many
calls its attacks have, and all of them together as much as the clean calls.
The same rows give the same trees: one thread, a fixed seed.
"""
import json
import math
import pathlib
import sys

import lightgbm
import numpy

HERE = pathlib.Path(__file__).resolve().parent.parent
SEED = 20261122
TREES = 160
PARAMETERS = {
    'objective': 'binary', 'num_leaves': 31, 'max_depth': 7, 'learning_rate': 0.08, 'min_data_in_leaf': 60,
    'min_sum_hessian_in_leaf': 5.0, 'feature_fraction': 0.4, 'bagging_fraction': 0.7, 'bagging_freq': 1, 'lambda_l2': 5.0,
    'max_bin': 63, 'seed': SEED, 'deterministic': True, 'force_row_wise': True, 'num_threads': 1, 'verbosity': -1,
}
# Where the score crosses the thresholds of flag, review and block: the share of the validation's clean calls beyond it, and
# how far beyond the highest of them the block begins, in log odds.
FLAGGED_CLEAN, REVIEWED_CLEAN, BLOCK_MARGIN = 0.003, 0.0003, 1.5
SAMPLES = 340


def read(path):
    head = json.loads(path.with_suffix('.json').read_text())
    rows = numpy.fromfile(path.with_suffix('.f32'), dtype='<f4').reshape(-1, head['head'] + len(head['names']))
    return head, rows[:, 0].astype(int), rows[:, 1].astype(float), rows[:, head['head']:]


def balanced(labels, weights, patterns):
    """A weight for each row: half of all goes to the clean ones, the other half to the patterns in equal parts."""
    balance = numpy.array(weights)
    clean = labels < 0
    balance[clean] *= 0.5 / balance[clean].sum()
    for pattern in range(len(patterns)):
        mine = labels == pattern
        if mine.any():
            balance[mine] *= 0.5 / len(patterns) / balance[mine].sum()
    return balance * len(labels)


def flatten(booster):
    """LightGBM's trees as columns: nodes before their children, a leaf as the complement of its place."""
    flat = {'roots': [], 'feature': [], 'threshold': [], 'left': [], 'right': [], 'mean': [], 'leaf': []}

    def leaves(node):
        if 'leaf_value' in node:
            return node['leaf_value'] * max(node.get('leaf_count', 1), 1), max(node.get('leaf_count', 1), 1)
        left, right = leaves(node['left_child']), leaves(node['right_child'])
        return left[0] + right[0], left[1] + right[1]

    def put(node):
        if 'leaf_value' in node:
            flat['leaf'].append(node['leaf_value'])
            return ~(len(flat['leaf']) - 1)
        assert node['decision_type'] == '<=' and node['missing_type'] == 'None', node
        at = len(flat['feature'])
        total, count = leaves(node)
        for column, value in (('feature', node['split_feature']), ('threshold', node['threshold']), ('left', 0),
                              ('right', 0), ('mean', total / count)):
            flat[column].append(value)
        flat['left'][at] = put(node['left_child'])
        flat['right'][at] = put(node['right_child'])
        return at

    for tree in booster.dump_model()['tree_info']:
        flat['roots'].append(put(tree['tree_structure']))
    return flat


def calibrate(margins, weights):
    """The knots: 0 to 1 with the thresholds of the exchange where the shares of clean calls above are."""
    order = numpy.argsort(-margins)
    above = numpy.cumsum(weights[order]) / weights.sum()
    flag = float(margins[order][numpy.searchsorted(above, FLAGGED_CLEAN)])
    review = float(margins[order][numpy.searchsorted(above, REVIEWED_CLEAN)])
    block = float(margins.max()) + BLOCK_MARGIN
    review = max(review, flag + 0.25)
    block = max(block, review + 0.25)
    return {'margins': [flag - 6, flag, review, block, block + 6], 'scores': [0, 0.3, 0.6, 0.8, 1]}


def thinned(flat):
    """Only the features some node asks for."""
    return sorted(set(flat['feature']))


def main(folder):
    head, labels, weights, features = read(folder / 'training')
    _, held_labels, held_weights, held = read(folder / 'validation')
    data = lightgbm.Dataset(features, (labels >= 0).astype(int), weight=balanced(labels, weights, head['patterns']),
                            feature_name=head['names'])
    booster = lightgbm.train(PARAMETERS, data, num_boost_round=TREES)
    flat = flatten(booster)
    used = thinned(flat)
    place = {index: at for at, index in enumerate(used)}
    flat['feature'] = [place[index] for index in flat['feature']]

    margins = booster.predict(held, raw_score=True)
    clean = held_labels < 0
    calibration = calibrate(margins[clean], held_weights[clean])
    scores = numpy.interp(margins, calibration['margins'], calibration['scores'])
    print(f'{len(labels)} rows, {len(used)} of {len(head["names"])} features, {len(flat["leaf"])} leaves')
    for threshold in (0.3, 0.6, 0.8):
        caught = [f'{name} {(scores[held_labels == at] >= threshold).mean():.3f}' for at, name in enumerate(head['patterns'])]
        false = (held_weights[clean] * (scores[clean] >= threshold)).sum() / held_weights[clean].sum()
        print(f'{threshold}: clean {false:.5f}; ' + ', '.join(caught))

    made_of = {'lightgbm': lightgbm.__version__, 'seed': SEED, 'scenarios': head['scenarios'], 'calls': len(labels)}
    model = {'madeOf': made_of, 'features': [head['names'][index] for index in used], 'trees': flat,
             'calibration': calibration}
    (HERE / 'fraud-model.json').write_text(lines(model))
    write_samples(booster, head, used, held, held_labels, calibration)


def lines(model):
    """A column to a line."""
    trees = ',\n'.join(f'{json.dumps(name)}:{json.dumps(column, separators=(",", ":"))}'
                       for name, column in model['trees'].items())
    rest = ',\n'.join(f'{json.dumps(name)}:{json.dumps(model[name], separators=(",", ":"))}'
                      for name in ('madeOf', 'features', 'calibration'))
    return f'{{\n{rest},\n"trees":{{\n{trees}\n}}\n}}\n'


def write_samples(booster, head, used, held, labels, calibration):
    """Vectors with the trainer's own predictions, which the exchange's walk through the trees must reach bit by bit."""
    chance = numpy.random.default_rng(SEED)
    chosen = numpy.concatenate([chance.permutation(numpy.flatnonzero(labels == at))[:SAMPLES // (len(head['patterns']) + 1)]
                                for at in range(-1, len(head['patterns']))])
    # Short to write down: what counts is that both sides see the same.
    rows = held[chosen].astype(float).round(3)
    # Values no call of the simulator has: far outside, exactly on a threshold, and none at all.
    rows[::7] = rows[::7] * 1000 - 5
    rows[3::7, ::5] = numpy.nan
    margins = booster.predict(rows, raw_score=True)
    samples = {
        'features': [head['names'][index] for index in used],
        'vectors': [[None if math.isnan(value) else value for value in row[used]] for row in rows],
        'margins': list(margins),
        'probabilities': list(booster.predict(rows)),
        'scores': list(numpy.interp(margins, calibration['margins'], calibration['scores'])),
    }
    target = HERE.parent.parent / 'test' / 'compliance' / 'fraud' / 'model' / 'trainer-predictions.json'
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text('{' + ',\n'.join(f'{json.dumps(name)}:{json.dumps(column, separators=(",", ":"))}'
                                       for name, column in samples.items()) + '}\n')


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]))
