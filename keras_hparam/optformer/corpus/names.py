"""What users write about their studies: themes, tasks, models, data sets, metrics, and names without meaning."""

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.study import Metadata

NO_THEME = ""  # of studies whose names mean nothing


def _list(text):
    return tuple(text.split(", "))


def _weights(text):
    return {role: float(weight) for role, weight in (item.split(":") for item in text.split())}


THEMES = {  # theme -> its roles, with how often each occurs relative to the others
    "network": _weights(
        "learning_rate:8 optimizer:3 width:4 depth:3 dropout:4 weight_decay:3 batch_size:3 activation:2 momentum:2 "
        "epochs:1 normalization:1 augmentation:1 kernel_size:1 label_smoothing:.7 warmup:.7 clip:.7 schedule:.7 "
        "beta:.7 epsilon:.4 pooling:.5 seed:.2"
    ),
    "svm": _weights("svm_c:8 svm_gamma:6 svm_kernel:3 degree:2 normalization:.5 seed:.3"),
    "trees": _weights(
        "tree_depth:5 num_trees:4 leaf_size:4 boosting_rate:4 row_share:3 column_share:3 l1:2 ridge:2 complexity:2 "
        "criterion:1 seed:.3"
    ),
    "classic": _weights("svm_c:3 l1:3 ridge:3 neighbors:2 learning_rate:2 epochs:1 degree:1 normalization:1 seed:.3"),
}

METRICS = {  # kind of metric -> the names in use and the direction in which it improves
    "unit": (_list("val_accuracy, accuracy, acc, auc, val_auc, f1, val_f1_score, r2, balanced_accuracy, mAP"), "max"),
    "percent": (_list("val_acc, test_accuracy, val_accuracy, top1, accuracy %"), "max"),
    "error": (_list("error, val_error, error_rate, mmce, misclassification, 1-auc, wer"), "min"),
    "loss": (_list("val_loss, loss, val_cross_entropy, logloss, rmse, mse, mae, perplexity, nll"), "min"),
    "real_max": (_list("score, reward, objective, log_likelihood, return, profit, y, utility"), "max"),
    "real_min": (_list("objective, y, f(x), cost, energy, time, loss, value"), "min"),
}
_THEMED_METRICS = {"unit": 5, "percent": 0.7, "error": 2, "loss": 4, "real_max": 0.7, "real_min": 0.7}
_OTHER_METRICS = {"unit": 1, "error": 0.5, "loss": 1, "real_max": 4, "real_min": 4}

TASKS = {
    "network": _list(
        "image classification, classification, regression, text classification, sentiment analysis, segmentation, "
        "forecasting, translation, language modelling, object detection, speech recognition, tabular classification"
    ),
    "svm": _list("classification, binary classification, regression, text classification"),
    "trees": _list("tabular classification, regression, classification, ranking, fraud detection, churn prediction"),
    "classic": _list("classification, regression, tabular, anomaly detection"),
    NO_THEME: _list(
        "function minimisation, black-box optimization, simulation, test function, experiment, engineering design"
    ),
}
MODELS = {
    "network": _list(
        "convnet, mlp, cnn, resnet18, resnet50, lstm, gru, transformer, bert, unet, vgg16, mobilenet, "
        "keras sequential, vit"
    ),
    "svm": _list("svm, SVC, libsvm, svr"),
    "trees": _list("xgboost, random forest, lightgbm, gradient boosting, rpart, ranger, decision tree, catboost"),
    "classic": _list("logistic regression, elastic net, knn, glmnet, sgd classifier, ridge"),
    NO_THEME: _list("simulator, model, unknown, f, pipeline"),
}
DATASETS = _list(
    "digits, mnist, cifar10, fashion_mnist, iris, adult, covertype, imdb, wikitext, breast cancer, wine, housing, "
    "higgs, svhn, imagenet, my_data, train.csv, sales 2023, openml 3945, openml 167104, sensor data, "
    "données clients, 日本語テキスト"
)

_SYLLABLES = "al be ca do ex fo ga hi in ka lo mu no or pi qu ra se ti ul vo wi xa ze".split()
_GREEK = "α β γ λ μ σ τ θ".split()


def identifier(rng):
    """A name that means nothing, such as "kamu_3"."""
    word = "".join(draws.pick(rng, _SYLLABLES) for _ in range(draws.whole_between(rng, 1, 4)))
    return word if draws.chance(rng, 0.6) else f"{word}_{draws.whole_between(rng, 0, 9)}"


def meaningless_names(rng, count):
    """`count` different names without meaning, in one style: x0, x1, ...; random identifiers; Greek letters."""
    style = draws.pick(rng, ("x", "p", "param_", "var", "identifier", "greek"), (5, 2, 2, 1, 6, 0.4))
    if style == "greek" and count <= len(_GREEK):
        return _GREEK[:count]
    if style in ("identifier", "greek"):
        found = {}
        while len(found) < count:
            found[identifier(rng)] = None
        return list(found)
    start = draws.whole_between(rng, 0, 1)
    return [f"{style}{start + index}" for index in range(count)]


def random_metric(rng, theme):
    """A kind of metric (a key of `METRICS`), its name or "", and its direction, "max" or "min"."""
    kind = draws.pick_from(rng, _THEMED_METRICS if theme else _OTHER_METRICS)
    names, goal = METRICS[kind]
    if not draws.chance(rng, 0.9):
        return kind, "", goal
    if kind.startswith("real") and draws.chance(rng, 0.1):
        return kind, identifier(rng), goal
    return kind, draws.pick(rng, names), goal


def random_metadata(rng, theme, metric):
    """`Metadata` for a study of that theme; fields are empty, or in capitals, as often as users leave them so."""
    written = draws.pick(rng, (0.0, 0.5, 0.95), (2, 3, 5))  # some users fill in nothing, some nearly everything

    def field(texts):
        if not draws.chance(rng, written):
            return ""
        text = draws.pick(rng, texts)
        return draws.pick(rng, (text, text.title(), text.upper(), text.replace(" ", "_")), (8, 1, 1, 1))

    return Metadata(task=field(TASKS[theme]), model=field(MODELS[theme]), dataset=field(DATASETS), metric=metric)
