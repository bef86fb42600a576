"""What an image costs by a price: by quality and size, by its megapixels, and by tokens."""

from __future__ import annotations

import msgspec
import pytest

from imgbuild.price import MEGAPIXEL, Price


def test_one_price_for_every_image() -> None:
    price = Price(image=0.04)
    assert [price.of_image("high", *size) for size in ((64, 64), (4096, 4096))] == [0.04, 0.04]


def test_a_size_that_is_not_listed_costs_its_share_of_the_square() -> None:
    price = Price(images={"low": {"1024x1024": 0.01, "1536x1024": 0.012}})
    assert price.of_image("low", 1536, 1024) == 0.012
    assert price.of_image("low", 512, 1024) == pytest.approx(0.005)
    assert price.of_image("high", 512, 1024) is None


def test_where_sizes_make_no_difference_that_of_the_square_holds_for_all() -> None:
    price = Price(images={"low": {"1024x1024": 0.01, "1536x1024": 0.012}})
    assert price.of_image("low", 512, 1024, flat=True) == 0.01
    assert price.of_image("low", 1536, 1024, flat=True) == 0.012


def test_what_is_listed_of_no_quality_holds_for_any_and_what_is_listed_goes_first() -> None:
    price = Price(image=0.5, images={"high": {"64x64": 0.2}, "any": {"64x64": 0.1}})
    assert [price.of_image(quality, 64, 64) for quality in ("high", "low")] == [0.2, 0.1]
    assert price.of_image("high", 32, 32) == 0.5


@pytest.mark.parametrize(
    ("size", "cost"),
    [
        ((64, 64), 0.03),
        ((1024, 1024), 0.03),
        ((1024, 1040), 0.045),
        ((1920, 1088), 0.045),
        ((2048, 2048), 0.075),
    ],
)
def test_a_megapixel_that_is_begun_counts_whole(size: tuple[int, int], cost: float) -> None:
    price = Price(first_megapixel=0.03, megapixel=0.015)
    assert price.of_image("any", *size) == pytest.approx(cost)


def test_every_megapixel_may_have_the_same_price() -> None:
    assert Price(megapixel=0.02).of_image("any", 2048, 1024) == 0.04
    assert Price(first_megapixel=0.02).of_image("any", 1024, 1024) is None


def test_what_goes_in_counts_each_picture_by_itself() -> None:
    price = Price(first_megapixel=0.03, megapixel=0.015, input_megapixel=0.015)
    assert price.of_image("any", 1024, 1024, [100]) == pytest.approx(0.045)
    assert price.of_image("any", 1024, 1024, [100, MEGAPIXEL, MEGAPIXEL + 1]) == pytest.approx(0.09)
    assert Price(image=0.1, input_megapixel=0.01).of_image("any", 8, 8, [100]) == pytest.approx(0.11)
    assert Price(input_megapixel=0.01).of_image("any", 8, 8, [100]) is None


def test_tokens_cost_by_their_kind() -> None:
    price = Price(tokens={"text": 5, "output": 30})
    assert price.of_tokens({"text": 1000, "output": 2000}) == pytest.approx(0.065)
    assert price.of_tokens({"text": 1000, "image": 0}) == pytest.approx(0.005)
    assert price.of_tokens({"text": 1000, "image": 1}) is None
    assert price.of_tokens({}) is None
    assert price.of_image("any", 1024, 1024) is None


def test_no_key_is_passed_over() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `megapixels`"):
        msgspec.convert({"megapixels": 0.1}, Price)
