"""Whether a first row names columns or is data: each planted file without a header has a healthy twin."""

import pytest

from components.shared.tables.header_recognition import has_header

ADULT = [
    "39, State-gov, 77516, Bachelors, 13, Never-married, <=50K",
    "50, Self-emp-not-inc, 83311, Bachelors, 13, Married, <=50K",
    "38, Private, 215646, HS-grad, 9, Divorced, <=50K",
    "53, Private, 234721, 11th, 7, Married, >50K",
    "28, State-gov, 338409, Bachelors, 13, Married, >50K",
]
IRIS = ["5.1,3.5,1.4,0.2,setosa", "4.9,3.0,1.4,0.2,setosa", "6.3,3.3,6.0,2.5,virginica", "5.8,2.7,5.1,1.9,virginica"]
PIMA = ["6,148,72,35,0,33.6", "1,85,66,29,0,26.6", "8,183,64,0,0,23.3", "1,89,66,23,94,28.1"]
MUSHROOM = ["p,x,s,n,t", "e,x,s,y,t", "e,b,s,w,t", "p,x,y,w,t", "e,x,s,g,f", "e,x,y,n,t"]
PEOPLE = ["Kim,Seoul", "Lee,Busan", "Park,Seoul", "Choi,Busan", "Jung,Daegu"]
SALES = ["north,134.5,120.1", "south,99.0,101.5", "east,88.2,97.6", "west,140.0,139.9"]
DATES = ["2013-01-01 00:00,7.5", "2013-01-01 01:00,8.5", "2013-01-02 02:00,3.5", "2013-01-02 03:00,4.0"]
CODES = ["u1042,kr", "u1043,us", "u2044,de", "u2045,fr"]
REVIEWS = ["what a wonderful film this was,good", "dull from the first minute on,bad", "I slept well,bad"]
SPECTRA = ["0.11,0.35,0.21,0.9", "0.12,0.31,0.25,0.8", "0.15,0.39,0.11,0.7", "0.14,0.32,0.15,0.6"]
RISING = ["0.1,0.2,0.3,0.4", "0.2,0.3,0.5,0.8", "0.1,0.4,0.5,0.6", "0.3,0.5,0.6,0.9"]
BINARY = ["0,1", "1,1", "0,0", "1,0", "0,1"]
YEARS = ["1990,2001", "1985,2003", "1999,2010", "2001,2015"]


def judged(*rows: str) -> bool:
    first, *body = [row.split(",") for row in rows]
    return has_header(first, body)


@pytest.mark.parametrize(
    "rows",
    [ADULT, IRIS, PIMA, MUSHROOM, PEOPLE[:1] + PEOPLE[2:] + PEOPLE[:1], DATES, CODES, RISING, YEARS, SALES, BINARY],
    ids=["adult", "iris", "pima", "mushroom", "people", "dates", "codes", "rising", "years", "sales", "binary"],
)
def test_a_first_row_of_data_is_no_header(rows):
    assert not judged(*rows)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("age,workclass,fnlwgt,education,years,status,income", ADULT),
        ("sepal_length,sepal_width,petal_length,petal_width,species", IRIS),
        ("Pregnancies,Glucose,BloodPressure,SkinThickness,Insulin,BMI", PIMA),
        ("class,cap-shape,cap-surface,cap-color,bruises", MUSHROOM),
        ("poisonous,shape,surface,color,bruises", MUSHROOM),
        ("name,city", PEOPLE),
        ("이름,도시", PEOPLE),
        ("region,2019,2020", SALES),
        ("region,2020.0,2021.0", SALES),
        (",0,1", SALES),
        ("when,value", DATES),
        ("user,country", CODES),
        ("comment,tone", REVIEWS),
        ("text,good", REVIEWS),
        ("400,402.5,405,410", SPECTRA),
        ("0,1,2,3", SPECTRA),
        ("2019,2020,2021,2022", SPECTRA),
        ("0,1,2,3,4,5", PIMA),
        ("id", ["1", "2", "3"]),
        ("0", ["3.5", "2.5", "9.5"]),
        ("a,b", ["x,y", "z,w", "v,u"]),
        ("first,last", YEARS),
        ("left,right", BINARY),
    ],
)
def test_names_above_data_are_a_header(header, rows):
    assert judged(header, *rows)


def test_a_missing_value_in_the_first_row_says_nothing():
    assert not judged("?,x,NA,n,t", *MUSHROOM)
    assert not judged("39,,77516,Bachelors,13,Never-married,<=50K", *ADULT)


def test_few_rows_and_ragged_ones_say_nothing():
    assert judged("5.5,3.5", "2.5,4.5", "1.5,9.5")
    assert judged("5.5,3.5", *["2.5,4.5,1"] * 50)


def test_one_dirty_value_does_not_hide_a_header():
    assert judged("age,pay", *["31,100"] * 50, "about forty,200")
