"""The vocabulary of tokens: text pieces, keywords, separators, quantised numbers and category indices.

Layout of the ids, in this order: the SentencePiece model's pieces; the keywords; the bins of the unit interval, which
stand for every number (parameter values, objective values, and the numbers of the metadata on a logarithmic scale);
the category indices.

Text pieces: Kudo & Richardson 2018, SentencePiece, arXiv 1808.06226.
"""

import functools
import io
import re
import unicodedata

import numpy as np

from keras_hparam import errors

KEYWORDS = (
    "<task>", "<model>", "<dataset>", "<metric>", "<maximize>", "<minimize>",  # what the study is about
    "<name>", "<float>", "<int>", "<choice>", "<ordered>", "<boolean>", "<fixed>",  # a parameter and its type
    "<linear>", "<log>", "<reverse_log>", "<low>", "<high>", "<step>", "<values>", "<value>", "<if>",  # its range
    "<true>", "<false>", "<none>",
    "<trials>",  # end of the metadata
    "<*>", "<|>",  # separators: values from objective, trial from trial
    "<inactive>", "<pending>", "<failed>",  # placeholders for a value, and for an objective
)  # fmt: skip

_REDUNDANT = re.compile(r"\b(?:hyper)?param(?:eter)?s?\b|\b(?:the|an?|of|for|named?|called)\b|[\"'`“”‘’(){}\[\];:,!?]")
_LARGEST_EXPONENT = 12.0


def compress_text(text):
    """Text as the tokenizer sees it: normalised, without redundant words, punctuation, control characters.

    Args:
        text: anything that a user types.

    Example:

    ```python
    compress_text('The parameter "learning rate"')  # 'learning rate'
    ```
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", str(text)).lower()).replace("▁", "_")
    text = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    return " ".join(_REDUNDANT.sub(" ", text).split())


def number_to_unit(number):
    """A finite number's place in [0, 1]: sign and logarithm of its magnitude, from 1e-12 to 1e12 on either side."""
    magnitude = min(max(np.log10(abs(number)) if number else -_LARGEST_EXPONENT, -_LARGEST_EXPONENT), _LARGEST_EXPONENT)
    share = (magnitude + _LARGEST_EXPONENT) / (2.0 * _LARGEST_EXPONENT)  # 0: tiny, 1: huge
    return 0.5 + 0.5 * share if number >= 0 else 0.5 - 0.5 * share


def train_tokenizer(texts, vocabulary_size=1000):
    """A serialised SentencePiece model (bytes) learned from texts; unknown characters fall back to bytes.

    Args:
        texts: iterable of str; they are compressed first.
        vocabulary_size: pieces at most, the 256 bytes included.
    """
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([compress_text(text) for text in texts]),
        model_writer=model,
        vocab_size=vocabulary_size,
        model_type="unigram",
        byte_fallback=True,
        normalization_rule_name="identity",  # `compress_text` has normalised
        character_coverage=0.9995,
        hard_vocab_limit=False,
        split_digits=True,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


class Vocabulary:
    """Ids of every kind of token and their inverse.

    Args:
        tokenizer: bytes of a SentencePiece model.
        num_bins: bins of the unit interval.
        num_categories: category indices.
        source: where the bytes come from, for messages.

    Raises:
        CorruptFileError: if the tokenizer's bytes are no SentencePiece model.

    Example:

    ```python
    vocabulary = Vocabulary(train_tokenizer(["learning rate", "dropout"], 300))
    vocabulary.text(vocabulary.encode_text("dropout"))  # 'dropout'
    ```
    """

    def __init__(self, tokenizer, num_bins=1000, num_categories=1000, source="`tokenizer`"):
        import sentencepiece

        self.tokenizer = bytes(tokenizer)
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=self.tokenizer)
            self.num_pieces = self._pieces.get_piece_size()
        except (RuntimeError, ValueError) as error:  # a ValueError where its message is no UTF-8
            raise errors.CorruptFileError(
                f"Expected {source} to be a serialised SentencePiece model. Received: {len(self.tokenizer)} bytes "
                f"that do not parse ({error})."
            ) from error
        self.num_bins, self.num_categories = num_bins, num_categories
        self._keywords = {keyword: self.num_pieces + index for index, keyword in enumerate(KEYWORDS)}
        self.first_bin = self.num_pieces + len(KEYWORDS)
        self.first_category = self.first_bin + num_bins
        self.size = self.first_category + num_categories
        self.encode_text = functools.lru_cache(maxsize=4096)(self._encode_text)

    def __getitem__(self, keyword):
        """Id of a keyword, such as `vocabulary["<name>"]`."""
        return self._keywords[keyword]

    def _encode_text(self, text):
        return tuple(self._pieces.encode(compress_text(text)))

    def text(self, ids):
        """The compressed text of ids of text pieces."""
        return self._pieces.decode([int(piece) for piece in ids])

    def number(self, number):
        """Id of a number of the metadata."""
        return self.first_bin + min(int(number_to_unit(number) * self.num_bins), self.num_bins - 1)

    def describe(self, token):
        """A token as readable text: piece, keyword, `#bin` or `@category`."""
        if token < self.num_pieces:
            return self._pieces.id_to_piece(int(token))
        if token < self.first_bin:
            return KEYWORDS[token - self.num_pieces]
        if token < self.first_category:
            return f"#{token - self.first_bin}"
        return f"@{token - self.first_category}"
